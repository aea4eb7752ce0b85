#!/usr/bin/env bats
# What an administrator sees, and what he can do.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load helpers
load customers

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    no_customers
    customer alice 'nusers = 5' 'expire = 2037-12-31'
    start_broker
}

teardown() {
    end_all
}

# live: a session and a poll of alice, a poll of bob; it ends at go_on live.
live() {
    start_play live <<'SCRIPT'
agent, client = session("alice")
client.send(b"u" * 5000)
agent.read(5000)
agent.send(b"d" * 70000)
client.read(70000)
waiting = poll("alice")
other = poll("bob")
at_point("live")
SCRIPT
    await_point live live
}

hex_of() {
    fingerprint "$1" | sed 's/.*://'
}

# ---- tables -----------------------------------------------------------------

@test "status, agents, sessions and customers are tables for people" {
    start_relay listen
    live
    run -0 ctl status
    [[ $output =~ 'agents     2 waiting' ]]
    [[ $output =~ 'sessions   1 live, 1 since the start' ]]
    [[ $output =~ 'spawners   1' ]]
    run -0 ctl agents
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[0]} =~ ^ID\ +CUSTOMER\ +PEER\ +WAITS\ +CERTIFICATE$ ]]
    [[ $output =~ [0-9a-f]{8}\ +alice\ +$client_address:[0-9]+\ +[0-9]+s\ +$(hex_of alice | cut -c1-16) ]]
    [[ $output =~ [0-9a-f]{8}\ +default\ +$client_address:[0-9]+\ +[0-9]+s\ +$(hex_of bob | cut -c1-16) ]]
    wait_until 5 moved 4.9K 68K
    run -0 ctl sessions
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[1]} =~ ^[0-9a-f]{8}\ +alice\ +$client_address:[0-9]+\ +$client_address:[0-9]+\ +[0-9]+s\  ]]
    run -0 ctl customers
    [[ $output =~ alice\ +yes\ +both\ +1/5\ +1\ +1\ +0\  ]]
    [[ $output =~ 2037-12-31T23:59:59Z ]]
    go_on live
    ended_well live
}

# moved UP DOWN: whether the one session's row says so, while it lives.
moved() {
    [[ $(ctl sessions) =~ \ $1\ +$2\  ]]
}

# ---- JSON -------------------------------------------------------------------

def_types='
def id: type == "string" and test("^[0-9a-f]{8}$");
def count: type == "number" and . >= 0 and . == floor;
def peer: . == null or (type == "string" and test("^.+:[0-9]+$"));
def certificate: . == null or (type == "string" and test("^sha256:[0-9a-f]{64}$"));
def names($list): keys == ($list | sort);
'

# fits VIEW SCHEMA: what relayctl --json VIEW says.
fits() {
    ctl --json "$1" >"$1.json"
    jq -e "$def_types"' .version == 1 and keys == ["'"$1"'", "version"] and (.'"$1"' | '"$2"')' "$1.json" >/dev/null || {
        cat "$1.json"
        return 1
    }
}

@test "--json has the form that the manual gives, version 1" {
    start_relay listen
    live
    fits status 'names(["relay_version", "pid", "uptime", "draining", "agents", "stones", "sessions",
        "sessions_total", "refused_total", "kicked_total", "reloads_total", "reload_failures_total",
        "spawners", "log_level"])
        and ([.pid, .uptime, .agents, .stones, .sessions, .sessions_total, .refused_total, .kicked_total,
            .reloads_total, .reload_failures_total, .spawners] | all(count))
        and (.draining | type == "boolean") and .log_level == "info" and .agents == 2'
    fits agents 'length == 2 and all(names(["id", "customer", "certificate", "peer", "seconds"])
        and (.id | id) and (.certificate | certificate) and (.peer | peer) and (.seconds | count))'
    fits sessions 'length == 1 and all(names(["id", "customer", "stone", "agent", "stone_certificate",
        "agent_certificate", "seconds", "up", "down"]) and (.id | id) and (.stone | peer) and (.agent | peer)
        and (.stone_certificate | certificate) and (.agent_certificate | certificate)
        and ([.seconds, .up, .down] | all(count)) and .customer == "alice")'
    fits customers 'length == 2 and all(names(["name", "present", "allow", "nusers", "type", "expire",
        "max_agents", "agents", "stones", "sessions", "sessions_total", "refused_total", "up_total",
        "down_total"]) and ([.nusers, .type, .max_agents, .agents, .stones, .sessions, .sessions_total,
        .refused_total, .up_total, .down_total] | all(count)) and (.allow | type == "boolean")
        and (.expire | . == "never" or test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$")))
        and (map(select(.name == "alice"))[0] | .nusers == 5 and .sessions == 1 and .agents == 1)'
    ctl --json kick alice | jq -e '.version == 1 and (.result |
        .command == "kick" and .ok and .count == 3 and .text == "")'
    run -1 ctl --json kick nobody
    jq -e '.result | (.ok | not) and .count == 0 and (.text | contains("nobody"))' <<<"$output"
}

# ---- kick -------------------------------------------------------------------

kick_each_way() {
    local id
    # by the session's id
    start_play "id_$spawner" <<'SCRIPT'
agent, client = session("alice")
waiting = poll("alice")
at_point("id")
assert client.end(2) == "reset"
assert agent.end(2) == "reset"
assert waiting.silent(0.1)
SCRIPT
    await_point "id_$spawner" id
    id=$(ctl --json sessions | jq -r '.sessions[0].id')
    run -0 ctl kick "$id"
    [ "$output" = '2 ended' ]
    go_on id
    ended_well "id_$spawner"
    says broker " kicked id=$id .*cause=kicked$"
    says broker " session id=$id .*reason=kicked$"
    # whichever of the two is told first ends the session for the other
    says relay " end id=$id role=stone "
    says relay " end id=$id role=agent "
    says relay " end id=$id .*reason=Ended_by_the_administrator$"
    # by a waiting agent's id, by customer, by fingerprint
    for id in id customer "$(fingerprint bob)" "$(hex_of bob | sed 's/../&:/g; s/:$//' | tr a-f A-F)"; do
        start_play "wait_$spawner" <<'SCRIPT'
alices, bobs = poll("alice"), poll("bob")
at_point("wait")
ended = alices.end(0.7) if os.path.exists(f"{SCRATCH}/alice.kicked") else bobs.end(5)
assert ended == "clean"
SCRIPT
        await_point "wait_$spawner" wait
        case $id in
            id) id=$(ctl --json agents | jq -r '.agents[] | select(.customer == "alice").id') && : >alice.kicked ;;
            customer) id=alice && : >alice.kicked ;;
        esac
        run -0 ctl kick "$id"
        [ "$output" = '1 ended' ]
        go_on wait
        ended_well "wait_$spawner"
        rm -f ./*.reached ./*.passed alice.kicked
    done
}

@test "kick ends a session by its id within 2 s, and polls by id, customer and fingerprint" {
    stop broker
    through_each_spawner kick_each_way
}

@test "a stone that waits and is kicked gets 403 with the reason" {
    start_relay listen
    start_play stone <<'SCRIPT'
client = stone("alice")
at_point("asked")
answer = client.head()
assert answer.startswith(b"HTTP/1.1 403 Ended by the administrator\r\n"), answer
SCRIPT
    await_point stone asked
    wait_until 5 stone_waits
    ctl kick alice
    go_on asked
    ended_well stone
}

stone_waits() {
    [ "$(counts .stones)" -eq 1 ]
}

@test "kicking nobody fails, and says so" {
    run -1 ctl kick 00000000
    [ "$output" = 'relayctl: nobody here is 00000000' ]
}

# ---- drain ------------------------------------------------------------------

drains() {
    start_play "drain_$spawner" <<'SCRIPT'
pairs = [session("alice") for _ in range(5)]
waiting = poll("alice")
early = stone("bob")
until(lambda: early.silent(0.1))
at_point("moving")
assert early.head().startswith(b"HTTP/1.1 503 The relay is draining\r\n"), early.got
late = stone("alice")
assert late.head().startswith(b"HTTP/1.1 503 The relay is draining\r\n"), late.got
for agent, client in pairs:
    data = os.urandom(500000)
    sender = threading.Thread(target=lambda: (agent.send(data), agent.finish()))
    sender.start()
    assert client.read(len(data)) == data
    assert client.rest() == b""
    client.finish()
    assert agent.rest() == b""
    sender.join()
assert waiting.silent(0.2)
SCRIPT
    await_point "drain_$spawner" moving
    ctl drain | grep -x '5 sessions still live'
    [ "$(counts .draining)" = true ]
    go_on moving
    ended_well "drain_$spawner"
    await_end broker 5
    says broker ' draining sessions=5$'
    [ "$(grep -c ' session .*reason=done$' broker.log)" -eq 5 ]
    rm -f ./*.reached ./*.passed
    start_broker
}

@test "drain lets live sessions complete, begins none, and ends the broker with 0" {
    start_relay listen
    drains
    stop relay
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    start_relay xinetd
    drains
}

# ---- the rest ---------------------------------------------------------------

@test "log-level changes the broker, the spawner and the handlers that live" {
    start_relay listen
    start_play talk <<'SCRIPT'
agent = poll("alice")
at_point("waiting")
tcp().close()
until(lambda: re.search("probe peer=" + CLIENT_ADDRESS, open(RELAY_LOG).read()))
SCRIPT
    await_point talk waiting
    run -0 ctl log-level debug
    [ "$output" = '2 handlers told' ]
    [ "$(counts .log_level)" = debug ]
    go_on waiting
    ended_well talk
    ctl log-level err
    stop relay
    not says relay ' draining '
    run -1 ctl log-level loud
    [[ $output == *'no such level'* ]]
}

@test "only root and the admin group may ask, and others learn why not" {
    is_root || skip 'needs root'
    configure 'admin_group = daemon'
    ctl reload
    local as=(timeout 10 setpriv --reuid=65533 --clear-groups)
    run -77 "${as[@]}" --regid=65533 "$scratch/bin/relayctl" -c relay.conf status
    [ "$output" = 'relayctl: only root and the members of admin_group may do this' ]
    says broker ' stranger uid=65533 '
    run -0 "${as[@]}" --regid=daemon "$scratch/bin/relayctl" -c relay.conf status
    run -0 timeout 10 setpriv --reuid=65533 --regid=65533 --groups=7,"$(getent group daemon | cut -d: -f3)" \
        "$scratch/bin/relayctl" -c relay.conf status
    # the relay's own user is no administrator: a handler may be anybody's
    run ! timeout 10 setpriv --reuid="$relay_user" --regid="$relay_group" --clear-groups \
        "$scratch/bin/relayctl" -c relay.conf drain
    [ "$(counts .draining)" = false ]
}

@test "bytes are counted during a long flow, not at its end" {
    start_relay listen
    live
    wait_until 5 counted 5000 70019
    ctl metrics | grep -x 'vpn_warp_customer_down_bytes_total{customer="alice"} 70019'
    [ "$(counts .sessions)" -eq 1 ]
    # and not again when the broker comes back
    stop broker KILL || :
    start_broker
    wait_until 5 has_sessions 1
    sleep 2.5
    counted 0 0
    go_on live
    ended_well live
    not has_sessions 1 || wait_until 5 has_sessions 0
    counted 0 0
}

# counted UP DOWN: whether alice's account says so.
counted() {
    [ "$(ctl --json customers | jq -c '.customers[] | select(.name == "alice") | [.up_total, .down_total]')" = "[$1,$2]" ]
}

# what Prometheus text may look like
metrics_grammar='
import re, sys
name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
types, seen = {}, set()
text = open(sys.argv[1]).read()
assert text.endswith("\n")
for line in text.splitlines():
    if re.fullmatch(rf"# HELP {name} .+", line):
        continue
    m = re.fullmatch(rf"# TYPE ({name}) (gauge|counter)", line)
    if m:
        assert m[1] not in types
        types[m[1]] = m[2]
        assert (m[2] == "counter") == m[1].endswith("_total"), line
        continue
    m = re.fullmatch(rf"({name})(\{{customer=\"[^\"\\]+\"\}})? ([0-9]+)", line)
    assert m and m[1] in types, line
    assert (m[1], m[2]) not in seen, line
    seen.add((m[1], m[2]))
assert len(seen) > 10
'

@test "metrics are Prometheus text; --textfile replaces the file in one step" {
    start_relay listen
    live
    ctl metrics >text
    if command -v promtool >/dev/null; then
        promtool check metrics <text
    fi
    python3 -c "$metrics_grammar" text
    grep -x 'vpn_warp_customer_sessions{customer="alice"} 1' text
    echo old >metrics.prom
    ln metrics.prom kept
    ctl metrics --textfile metrics.prom
    [ "$(cat kept)" = old ]
    python3 -c "$metrics_grammar" metrics.prom
    [ "$(stat -c %a metrics.prom)" = 644 ]
    [ ! -e metrics.prom.tmp ]
    run -73 ctl metrics --textfile /nonexistent/file
}

@test "watch draws the sessions, again and again, and q ends it" {
    start_relay listen
    live
    timeout 20 python3 - "$scratch/bin/relayctl" "$scratch/relay.conf" <<'SCRIPT'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "-c", sys.argv[2], "watch", "1"])
seen = b""
while seen.count(b"\x1b[2J") < 3:
    seen += os.read(fd, 65536)
assert b"1 sessions live" in seen and b"alice" in seen, seen
os.write(fd, b"q")
try:
    while os.read(fd, 65536):
        pass
except OSError:
    pass
assert os.waitpid(pid, 0)[1] == 0
SCRIPT
    go_on live
    ended_well live
}

@test "without a broker relayctl says what is missing" {
    run -64 ctl watch 0
    stop broker
    run -69 ctl status
    [[ $output == *"$scratch/broker.sock: "*': is relay-broker running?' ]]
    run -64 ctl
    run -64 ctl explode
    run -64 ctl kick
    run -64 ctl status more
    run -64 ctl customer alice
    run -0 ctl --version
    run -0 ctl --help
}

@test "bash completes commands, options, ids and levels" {
    start_relay listen
    live
    cat >complete <<'SCRIPT'
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_relayctl
printf '%s\n' "${COMPREPLY[@]}"
SCRIPT
    local file=$tests/../bin/relayctl.bash-completion ctl=("$scratch/bin/relayctl" -c "$scratch/relay.conf")
    [ "$(bash complete "$file" relayctl se)" = sessions ]
    [ "$(bash complete "$file" relayctl log-level de)" = debug ]
    [ "$(bash complete "$file" "${ctl[@]}" kick al)" = alice ]
    [ "$(bash complete "$file" "${ctl[@]}" customer '')" = alice ]
    [ "$(bash complete "$file" "${ctl[@]}" customer alice alice/c)" = alice/cert.pem ]
    bash complete "$file" "${ctl[@]}" kick '' | grep -x "$(ctl --json sessions | jq -r '.sessions[0].id')"
    go_on live
    ended_well live
}

@test "a listing of 20,000 agents is whole, and pairings go on meanwhile" {
    # both the broker and who stands for the handlers need a file for each
    local agents=$(($(ulimit -Hn) - 200))
    [ "$agents" -le 20000 ] || agents=20000
    [ "$agents" -ge 10000 ] || skip 'needs 10,000 files'
    mkfifo hold
    : >many.log
    start many stand_for_handlers hold "$scratch/broker.sock" "$agents" "$relay_user"
    exec 9>hold
    wait_until 60 says many '^registered$'
    wait_until 10 pairings_since 0
    local before
    for _ in {1..10}; do
        before=$(grep -c '^paired' many.log)
        ctl agents >listing
        [ "$(wc -l <listing)" -gt "$agents" ]
        wait_until 10 pairings_since "$before"
    done
    exec 9>&-
    await_end many
}

stand_for_handlers() {
    local hold=$1
    shift
    exec python3 -B "$tests/handlers.py" "$@" <"$hold"
}

# pairings_since COUNT: a good many more than these.
pairings_since() {
    [ "$(grep -c '^paired' many.log)" -gt $(($1 + 50)) ]
}

# ---- fail2ban ----------------------------------------------------------------

# The filter of the manual, by hand: what fail2ban-regex does, where Debian's
# fail2ban is not installed. <HOST> is an address.
matched_hosts='
import re, sys
filter, log = (open(name).read() for name in sys.argv[1:3])
lines = re.search(r"failregex = (.*)", filter, re.S).group(1).strip().splitlines()
host = r"(?P<host>[0-9.]+|[0-9a-f:]+)"
for line in log.splitlines():
    for regex in lines:
        found = re.search(regex.strip().replace("<HOST>", host), line)
        if found:
            print(found["host"])
            break
'

refusals_and_probes() {
    play <<'SCRIPT'
def refused(name, head):
    try:
        peer = Peer(name)
        peer.send(head)
        peer.head()
    except (OSError, ssl.SSLError, AssertionError):
        pass
refused(None, GET)                              # no certificate
refused("alice", b"GET /KLAB/x HTTP/1.1\r\n\r\n")  # 404
refused("alice", b"\x00\r\n\r\n")               # 400
for _ in range(5):
    tcp().close()                               # health probes
works("alice")
SCRIPT
    wait_until 5 three_refusals
    if [ "$spawner" = listen ]; then
        cp relay.log banned.log
    else
        log_of relay | sed 's/^<[0-9]*>//' >banned.log
    fi
    sed -n '/^\[Definition\]/,/^\.Ed/{/^\.Ed/d; s/\\e/\\/g; p}' "$tests/../man/relayctl.8" >filter.conf
    [ "$(python3 -c "$matched_hosts" filter.conf banned.log | grep -cxF "$client_address")" -eq 3 ]
    if command -v fail2ban-regex >/dev/null; then
        fail2ban-regex "$scratch/banned.log" "$scratch/filter.conf" >matched
        grep -F ' 3 matched' matched
    fi
}

three_refusals() {
    [ "$(log_of relay | grep -cE ': (refused|tls-refused) ')" -eq 3 ]
}

@test "the fail2ban filter of the manual finds each refusal, and no health probe or session" {
    stop broker
    through_each_spawner refusals_and_probes
}
