#!/bin/bash
# In a system that systemd has started, with the packages in /debs, before and after
# that starts again: see run.sh. All that people asked for is there by itself.
#
#   again.sh before   relay, agent and stone from nothing, by a command each
#   again.sh after    and a byte gets through

set -eEu
. "$(dirname "$0")/../lib/booted.bash"
units=(relay-keyd relay-broker relay-listen.socket relay-listen relay-ca-crl.timer
    relayagent@laptop relay-stone@desk)

# through: whether what is sent at port 8081 is what the target gets, and back.
through() {
    python3 -SB "$lib/traffic.py" target whole 10080 intra >"$work/target.log" 2>&1 &
    sessions 8081 10 5
    kill $!
}

if [[ $1 == before ]]; then
    rm -rf /etc/vpn-warp
    apt-get install -q -y /debs/vpn-warp-{relay,agent,stone}_*.deb >"$work/install.log" 2>&1
    relay-ca setup relay.example.org <<<y >/dev/null
    cd
    relay-ca client --bundle laptop >/dev/null
    cp -p /etc/vpn-warp/ca/client/laptop/laptop.warp .
    cp -p laptop.warp desk.warp
    relayagent --install laptop.warp 127.0.0.1:10080 >/dev/null
    relay-stone --install desk.warp 8081 >/dev/null
    await polls
fi
active "${units[@]}"
[[ -z $(systemctl list-units --failed --no-legend 'relay*') ]]
await polls
through
