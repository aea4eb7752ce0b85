#!/bin/bash
# In a system that systemd has started, with the packages installed: see run.sh.
# Each unit is started, reloaded, started again under load and killed, the
# packages are upgraded while sessions live, and purged.
#
#   SESSIONS   how many go through the relay while it starts again

set -eEu
. "$(dirname "$0")/../lib/booted.bash"

# hold NAME PORT: a session whose bytes flow until "release NAME".
hold() {
    python3 -SB "$lib/traffic.py" client session "$2" intra "$work/$1" >"$work/$1.log" 2>&1 &
    held[$1]=$!
    await [ -e "$work/$1.reached" ]
}

release() {
    : >"$work/$1.passed"
    wait "${held[$1]}" || failed "${BASH_LINENO[0]}" "session $1: $(cat "$work/$1.log")"
}
declare -A held

# killed UNIT SIGNAL: its main process; it is there again by itself.
killed() {
    local before
    before=$(main_pid "$1")
    kill -"$2" "$before"
    await started_again "$1" "$before"
}

started_again() {
    local now
    now=$(main_pid "$1")
    [[ $now != 0 && $now != "$2" ]] && active "$1"
}

# ---- set up -----------------------------------------------------------------------

say 'nothing runs that nobody has asked for, and there is no key'
for unit in relay-broker.service relay-listen.service relay-listen.socket relay.socket relay-ca-crl.timer relay-account.timer relay-stone-inetd.socket; do
    [[ $(systemctl is-enabled "$unit" || true) == disabled ]]
    [[ $(systemctl is-active "$unit" || true) == inactive ]]
done
[[ $(find /etc/vpn-warp -type f) == /etc/vpn-warp/relay.conf ]]

cd /etc/vpn-warp
echo '127.0.0.1 relay.example.org' >>/etc/hosts
relay-ca init >/dev/null
relay-ca server relay.example.org >/dev/null
relay-ca client laptop >/dev/null
install -m 644 ca/ca.pem ca/crl.pem ca/server/relay.example.org/cert.pem .
install -m 600 -o vpn-warp ca/server/relay.example.org/private.pem .
sed -i 's/^#crl =/crl =/' relay.conf
install -m 644 ca/client/laptop/cert.pem laptop.pem
install -m 600 -o vpn-warp-agent ca/client/laptop/private.pem agent.key
install -m 600 -o vpn-warp-stone ca/client/laptop/private.pem stone.key
printf '%s\n' -n '-k agent.key' '-c laptop.pem' '-a ca.pem' relay.example.org:443 127.0.0.1:10080 >intra.conf
printf '%s\n' '-q key=stone.key' '-q cert=laptop.pem' '-q CAfile=ca.pem' \
    'relay.example.org:443/ssl,http localhost:8081 "GET / HTTP/1.1" --' >local.conf
sed 's/8081/8080/' local.conf >stone.conf
python3 -SB "$lib/traffic.py" target whole 10080 intra >"$work/target.log" 2>&1 &
target=$!

say 'all units start'
relay-broker -t
relay-listen -t
systemctl enable --now --quiet relay-listen relay-ca-crl.timer relayagent@intra relay-stone@local relay-stone-inetd.socket
active relay-broker relay-listen relay-listen.socket relay-ca-crl.timer relayagent@intra relay-stone@local relay-stone-inetd.socket
await polls
sessions 8081 10 5
sessions 8080 10 5
[[ $(stat -c %U "/proc/$(main_pid relay-listen)" "/proc/$(main_pid relay-broker)" "/proc/$(main_pid relayagent@intra)" "/proc/$(main_pid relay-stone@local)" | xargs) == 'vpn-warp vpn-warp vpn-warp-agent vpn-warp-stone' ]]
# who runs them may ask how they are
await relayagent status -C /etc/vpn-warp/intra.conf >/dev/null
await relay-stone status -C /etc/vpn-warp/local.conf >/dev/null

say 'relayagent --install makes a service of one file'
relay-ca client --bundle --relay relay.example.org:443 desk >/dev/null
relayagent --install ca/client/desk/desk.warp 127.0.0.1:10080
active relayagent@desk
desk_waits() {
    journalctl -q -u relayagent@desk | grep -q ' waiting '
}
await desk_waits
systemctl disable --now --quiet relayagent@desk

say 'what was used is in the ledger'
systemctl start relay-account.service
[[ $(relayctl usage --csv | tail -n 1) =~ ^20[0-9-]+,default,[1-9][0-9]*,[1-9][0-9]*,[1-9][0-9]*$ ]]
[[ $(stat -c '%U %a' /var/lib/vpn-warp/usage.db) == 'root 640' ]]

# ---- reload, restart, crash ---------------------------------------------------------

say 'a reload says whether it went well'
systemctl reload relay-listen relay-broker relayagent@intra relay-stone@local
sed -i 's/^ca = .*/ca = none.pem/' relay.conf
if systemctl reload relay-listen 2>/dev/null; then false; fi
sed -i 's/^ca = .*/ca = ca.pem/' relay.conf
systemctl reload relay-listen

say 'the list of revoked certificates is renewed, and the relay reads it'
number=$(openssl crl -in crl.pem -noout -crlnumber)
systemctl start relay-ca-crl.service
[[ $(openssl crl -in crl.pem -noout -crlnumber) != "$number" ]]
[[ $(stat -c '%U %a' crl.pem) == 'root 644' ]]

say 'parked polls outlive a restart of the broker'
parked() {
    [[ $(relayctl --json status | sed -n 's/.*"parked": *\([0-9]*\).*/\1/p' | head -n 1) -ge 1 ]]
}
back() {
    journalctl -q -u relay-broker | grep -q ' back parked=[1-9]'
}
echo 'park_after = 1' >>relay.conf
systemctl reload relay-listen
systemctl restart relayagent@intra
await parked
systemctl restart relay-broker
await back
sessions 8081 10 5
sed -i '/^park_after/d' relay.conf
systemctl reload relay-listen

say "$SESSIONS sessions while relay-listen, the broker and the agent start again and again: all are whole"
hold long 8081
sessions 8081 "$SESSIONS" 20 >"$work/load.log" &
load=$!
restarts=0
while kill -0 "$load" 2>/dev/null; do
    systemctl restart relay-listen
    restarts=$((restarts + 1))
    [[ $((restarts % 3)) != 1 ]] || systemctl restart relay-broker
    [[ $((restarts % 4)) != 2 ]] || systemctl restart relayagent@intra
    sleep 1
done
wait "$load"
say "  $restarts restarts"

say 'what is killed comes back, and no session but its own ends'
await polls
killed relay-broker KILL
killed relay-broker SEGV
killed relay-listen KILL
killed relay-listen SEGV
killed relayagent@intra KILL
killed relayagent@intra SEGV
killed relay-stone@local KILL
killed relay-stone@local SEGV
await polls
sessions 8081 10 5
release long

say 'so does relay-peer, and what leads to other relays'
relay-ca -d "$work/nodes" init >/dev/null
relay-ca -d "$work/nodes" node osaka >/dev/null
install -m 600 -o vpn-warp "$work/nodes/node/osaka/private.pem" node-key.pem
cp "$work/nodes/node/osaka/cert.pem" node.pem
cp "$work/nodes/ca.pem" node-ca.pem
cp relay.conf "$work"
printf '%s\n' 'peer_listen = 127.0.0.1:7443' 'peer_certificate = node.pem' \
    'peer_key = node-key.pem' 'peer_ca = node-ca.pem' >>relay.conf
attached() {
    relayctl --json status | grep -q "\"peer_pid\": *$(main_pid relay-peer)\>"
}
systemctl start relay-peer
await attached
for signal in KILL SEGV; do
    killed relay-peer "$signal"
    await attached
done
systemctl stop relay-peer
cat "$work/relay.conf" >relay.conf

# ---- the inetd shape ------------------------------------------------------------------

say 'a unit for each connection: relay.socket in place of relay-listen.socket'
# its handlers have a user of their own, to whom the key is closed
chown vpn-warp-keyd: private.pem
sed -i 's/^#keyd = /keyd = /' relay.conf
systemctl start relay-keyd
systemctl restart relay-listen
await polls
killed relay-keyd KILL
killed relay-keyd SEGV
sessions 8081 10 5
hold across 8080
systemctl stop relay-listen.socket relay-listen
systemctl start relay.socket
await polls
[[ $(systemctl list-units --no-legend 'relay@*' | wc -l) -ge 2 ]]
sessions 8081 10 5
say 'and with relay-listen to serve them'
cp relay.conf "$work"
sed -i -e '/^listen/d' -e 's/^#handoff/handoff/' relay.conf
systemctl mask --quiet relay-listen.socket
systemctl start relay-listen
systemctl restart relayagent@intra
handed_over() {
    polls && pgrep -x relay-handoff >/dev/null
}
await handed_over
sessions 8081 10 5
systemctl stop relay.socket relay-listen
systemctl unmask --quiet relay-listen.socket
cat "$work/relay.conf" >relay.conf
systemctl start relay-listen
await polls
release across

# ---- packages ---------------------------------------------------------------------------

say 'an upgrade starts again what ran, and ends no session'
await polls
hold upgrade 8081
before=$(main_pid relay-listen) broker=$(main_pid relay-broker) agent=$(main_pid relayagent@intra)
apt-get install -q -y /next/*.deb >"$work/upgrade.log" 2>&1
started_again relay-listen "$before"
started_again relay-broker "$broker"
started_again relayagent@intra "$agent"
active relay-listen.socket relay-stone@local
[[ $(dpkg-query -W -f '${Version} ' 'vpn-warp-*' | xargs -n 1 | sort -u) == *+next ]]
grep -q '^crl = ' relay.conf # a person's change
await polls
sessions 8081 10 5
release upgrade

say 'a removal ends what runs, a purge leaves what a person made'
apt-get remove -q -y 'vpn-warp-*' >"$work/remove.log" 2>&1
for unit in relay-broker relay-listen relay-listen.socket relay-ca-crl.timer relayagent@intra relay-stone@local; do
    if active "$unit"; then false; fi
done
apt-get purge -q -y 'vpn-warp-*' >>"$work/remove.log" 2>&1
[[ ! -e /etc/vpn-warp/relay.conf && ! -e /etc/xinetd.d/relay-stone && ! -e /run/vpn-warp ]]
[[ -e /etc/vpn-warp/ca/private/ca.pem && -e /etc/vpn-warp/intra.conf ]]
left=$(find /usr /lib /etc /var/lib -xdev \( -name 'relay-*' -o -name 'relay[@.]*' -o -name 'relayagent*' -o -name 'vpn-warp*' \) ! -path '/etc/vpn-warp*' ! -path '/usr/lib/python*')
[[ -z $left ]] || failed "$LINENO" "left: $left"
kill "$target" # what comes next has its own
