#!/usr/bin/env bats
# What an administrator sees, and who may be one.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator

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
    [[ ${lines[0]} =~ ^ID\ +CUSTOMER\ +PEER\ +WAITS\ +CERTIFICATE\ +RTT\ +LOST\ +STATE\ +VERSION$ ]]
    [[ $output =~ [0-9a-f]{8}\ +alice\ +$client_address:[0-9]+\ +[0-9]+s\ +$(identity alice | cut -c1-16) ]]
    [[ $output =~ [0-9a-f]{8}\ +default\ +$client_address:[0-9]+\ +[0-9]+s\ +$(identity bob | cut -c1-16) ]]
    wait_until 60 moved 4.9K 68K
    run -0 ctl sessions
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[1]} =~ ^[0-9a-f]{8}\ +alice\ +$client_address:[0-9]+\ +$client_address:[0-9]+\ +[0-9]+s\  ]]
    run -0 ctl customers
    [[ $output =~ alice\ +yes\ +both\ +1/5\ +1\ +1\ +0\  ]]
    [[ $output =~ 2037-12-31T23:59:59Z ]]
    go_on live
    ended_well live
    : >customers
    ctl reload
    ctl customers | grep -E '^alice +gone +- .* -$'
    ctl --json customers | jq -e '.customers[] | select(.name == "alice") | (.present | not) and .expire == null'
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
def rtt: . == null or (type == "number" and . > 0 and . < 1);
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
    fits status 'names(["relay_version", "pid", "instance", "uptime", "draining", "agents", "stones", "sessions",
        "sessions_total", "sealed", "sealed_total", "bare", "bare_total", "refused_total", "kicked_total", "reloads_total", "reload_failures_total",
        "spawners", "parked", "parked_total", "woken_total", "wake_failures_total", "files", "files_max", "log_level", "tls_refused", "peer_pid",
        "reach_total", "crossing_out_total", "crossing_in_total", "presence_pid", "store_up", "published", "lookups_total", "lookup_failures_total"])
        and ([.pid, .uptime, .agents, .stones, .sessions, .sessions_total, .sealed, .sealed_total, .bare, .bare_total, .refused_total, .kicked_total,
            .reloads_total, .reload_failures_total, .spawners, .parked, .parked_total, .woken_total, .wake_failures_total,
            .files, .files_max, .reach_total, .crossing_out_total, .crossing_in_total,
            .published, .lookups_total, .lookup_failures_total] | all(count)) and .peer_pid == null and .presence_pid == null and .store_up == false and .files >= 3 and .files_max > .files
        and (.tls_refused | length == 11 and all(count))
        and (.instance | id) and (.draining | type == "boolean") and .log_level == "info" and .agents == 2'
    fits agents 'length == 2 and all(names(["id", "customer", "certificate", "peer", "seconds", "rtt",
        "retransmits", "state", "agent_version"]) and .state == "ready" and (.rtt | rtt) and (.retransmits | count) and (.id | id) and (.certificate | certificate) and (.peer | peer) and (.seconds | count))'
    fits sessions 'length == 1 and all(names(["id", "customer", "stone", "agent", "stone_certificate",
        "agent_certificate", "seconds", "up", "down", "seal", "stone_rtt", "agent_rtt", "stone_retransmits",
        "agent_retransmits", "agent_version", "stone_relay", "agent_relay"]) and .stone_relay == null
        and .agent_relay == null and (.stone_rtt | rtt) and (.agent_rtt | rtt) and (.id | id) and (.stone | peer) and (.agent | peer)
        and (.stone_certificate | certificate) and (.agent_certificate | certificate)
        and ([.seconds, .up, .down] | all(count)) and .seal == "none" and .customer == "alice")'
    fits customers 'length == 2 and all(names(["name", "present", "allow", "nusers", "type", "expire",
        "max_agents", "agents", "stones", "sessions", "sessions_total", "refused_total", "up_total",
        "down_total"]) and ([.nusers, .type, .max_agents, .agents, .stones, .sessions, .sessions_total,
        .refused_total, .up_total, .down_total] | all(count)) and (.allow | type == "boolean")
        and (.expire | . == "never" or test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$")))
        and (map(select(.name == "alice"))[0] | .nusers == 5 and .sessions == 1 and .agents == 1)'
    ctl --json kick alice | jq -e '.version == 1 and (.result |
        .command == "kick" and .ok and .count == 2 and .text == "")'
    run -1 ctl --json kick nobody
    jq -e '.result | (.ok | not) and .count == 0 and (.text | contains("nobody"))' <<<"$output"
}

# ---- the rest ---------------------------------------------------------------

@test "only root and the admin group may ask, and others learn why not" {
    is_root || skip 'needs root'
    stop broker
    configure 'admin_group = daemon'
    start_broker
    local as=(timeout 60 setpriv --reuid=65533 --clear-groups)
    run -77 "${as[@]}" --regid=65533 "$scratch/bin/relayctl" -c relay.conf status
    [ "$output" = 'relayctl: only root and the members of admin_group may do this' ]
    run -0 "${as[@]}" --regid=daemon "$scratch/bin/relayctl" -c relay.conf status
    run -0 timeout 60 setpriv --reuid=65533 --regid=65533 --groups=7,"$(getent group daemon | cut -d: -f3)" \
        "$scratch/bin/relayctl" -c relay.conf status
    # the relay's own user is no administrator: a handler may be anybody's
    run ! timeout 60 setpriv --reuid="$relay_user" --regid="$relay_group" --clear-groups \
        "$scratch/bin/relayctl" -c relay.conf drain
    [ "$(status_of draining)" = false ]
}

@test "agents and sessions tell the round trip, what was sent again, and the agent's version" {
    start_relay listen
    start_play versions <<'SCRIPT'
agent, client = session("alice")
client.send(b"u" * 5000)
waiting, other = poll("alice"), Peer("bob")
other.send(b"GET /KLAB/poll HTTP/1.1\r\nX-Ver:  2\t caf\xc3\xa9/1.0 (more)\r\n\r\n")
at_point("there")
SCRIPT
    await_point versions there
    wait_until 60 told agents '.customer == "alice" and .rtt > 0 and .retransmits == 0 and .agent_version == "test"'
    wait_until 60 told agents '.customer == "default" and .rtt > 0 and .agent_version == "caf??/1.0"'
    wait_until 60 told sessions '.stone_rtt > 0 and .stone_retransmits == 0 and .agent_rtt > 0 and .agent_version == "test"'
    [[ $(ctl agents) =~ \ [0-9.]+ms\ +0\ +ready\ +test ]]
    [[ $(ctl sessions) =~ \ [0-9.]+ms\ +[0-9.]+ms\ +0\ +test ]]
    # of those who were there before it, the next broker is told
    stop broker KILL || :
    start_broker
    wait_until 60 told agents '.customer == "alice" and .rtt > 0 and .agent_version == "test"'
    go_on there
    ended_well versions
}

@test "an answer that seals a session may come in any pieces" {
    start_relay listen
    start_play seals <<'SCRIPT'
from bare import *
sessions = []
for size in 1, 2, 7, 26, 30:
    agent = poll("alice", b"X-Bare: 1")
    client = stone("alice", SEALING)
    head_of_stone(agent)
    for at in range(0, len(SEALED), size):
        agent.send(SEALED[at:at + size])
        # each is a read of its own
        assert client.read(len(SEALED[at:at + size])) == SEALED[at:at + size]
    sessions.append((agent, client))
# what only looks like it
for answer in b"X-Sealed: 1\r\n", b"X-Seal: 10\r\n", b"A: X-Seal: 1\r\n", b"\r\nX-Seal: 1\r\n":
    agent = poll("bob")
    client = stone("bob")
    head_of_stone(agent)
    agent.send(b"HTTP/1.1 200 OK\r\n" + answer + b"\r\n")
    assert client.read(10)
    sessions.append((agent, client))
at_point("there")
SCRIPT
    await_point seals there
    wait_until 60 told sessions '.seal == "sealed"' 5
    wait_until 60 told sessions '.seal == "none"' 4
    go_on there
    ended_well seals
}

@test "sessions, status and metrics tell which sessions are sealed, and which go bare" {
    start_relay listen
    start_play seals <<'SCRIPT'
from bare import *
plain = session("bob")
agent, client = marked("alice")
at_point("sealed")
leave(agent)
leave(client)
come_bare(agent)
come_bare(client)
at_point("bare")
SCRIPT
    await_point seals sealed
    wait_until 60 told sessions '.customer == "alice" and .seal == "sealed"'
    told sessions '.customer == "default" and .seal == "none"'
    ctl sessions | grep -E '^[0-9a-f]+ +alice .*/s +sealed '
    ctl --json status | jq -e '.status | .sealed == 1 and .sealed_total == 1 and .bare == 0 and .bare_total == 0'
    go_on sealed
    await_point seals bare
    wait_until 60 told sessions '.customer == "alice" and .seal == "bare"'
    ctl sessions | grep -E '^[0-9a-f]+ +alice .*/s +bare '
    ctl sessions | grep -E '^[0-9a-f]+ +default .*/s +none '
    run -0 ctl status
    [[ $output == *$'\nsealed     1 live, 1 since the start\nbare       1 live, 1 since the start\n'* ]]
    ctl metrics >text
    for name in sealed_sessions sealed_sessions_total bare_sessions bare_sessions_total; do
        grep -x "vpn_warp_relay_$name 1" text
    done
    go_on bare
    ended_well seals
}

# told VIEW JQ: whether a row is like that.
told() {
    ctl --json "$1" | jq -e "[.$1[] | select($2)] | length == ${3:-1}" >/dev/null
}

@test "watch draws the sessions, again and again, and q ends it" {
    start_relay listen
    live
    timeout 60 python3 - "$scratch/bin/relayctl" "$scratch/relay.conf" <<'SCRIPT'
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
    [ "$output" = 'relayctl: explode: no such command (relayctl --help lists them)' ]
    run -64 ctl kick
    [ "$output" = 'relayctl: kick: too few arguments (relayctl kick id|customer|sha256)' ]
    run -64 ctl status more
    [ "$output" = 'relayctl: status: too many arguments (relayctl status)' ]
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
    local file=$tests/../bin/completions/relayctl.bash ctl=("$scratch/bin/relayctl" -c "$scratch/relay.conf")
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
    wait_until 60 pairings_since 0
    local before
    for _ in {1..10}; do
        before=$(grep -c '^paired' many.log)
        ctl agents >listing
        [ "$(wc -l <listing)" -gt "$agents" ]
        wait_until 60 pairings_since "$before"
    done
    exec 9>&-
    await_end many
}

stand_for_handlers() {
    local hold=$1
    shift
    exec python3 -SB "$tests/lib/handlers.py" "$@" <"$hold"
}

# pairings_since COUNT: a good many more than these.
pairings_since() {
    [ "$(grep -c '^paired' many.log)" -gt $(($1 + 50)) ]
}

@test "a handler whose peer is no address does not get past the broker" {
    run -0 unprivileged python3 -SB - "$scratch/broker.sock" "$(message_version)" <<'END'
import socket, struct, sys
# the least that has the form of a certificate
DER = bytes.fromhex("300d 3005 020101 3000 3000 03020000")
def registers(peer):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(sys.argv[1])
    body = struct.pack("=IIQII16x64s136x", 1, len(DER), 0, 0, 0, peer) + DER
    sock.send(struct.pack("=HHI", int(sys.argv[2]), 1, 8 + len(body)) + body)
    try:
        return struct.unpack_from("=HH", sock.recv(65536))[1] == 2
    except (ConnectionResetError, struct.error):
        return False
for peer in (b"192.0.2.1:1", b"[2001:db8::1]:1", b"[fe80::1%eth0.5]:1", b"unknown", b""):
    assert registers(peer), peer
for peer in (b"\x1b[2J", b"\xff", b"a b", b"1\r\nX-Forwarded-For: 6.6.6.6", b'"', b"7" * 64):
    assert not registers(peer), peer
END
}

# a_false_broker: one that lists an agent with such texts, twice.
a_false_broker() {
    exec python3 -SB -c '
import socket, struct, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind("false.sock")
listener.listen()
def packet(kind, body):
    return struct.pack("=HHI", int(sys.argv[1]), kind, 8 + len(body)) + body
for _ in range(2):
    sock, _ = listener.accept()
    sock.recv(65536)
    sock.send(packet(17, struct.pack("=IIQQ32s32s72s64sII32sII", 1, 1, 0, 0, b"", b"", b"name", b"a\x1b[2J\xff\tb", 0, 0, b"v\x1b", 0, 0)))
    sock.send(packet(20, struct.pack("=II256s", 0, 1, b"")))
    sock.recv(1)
' "$(message_version)"
}

@test "what a broker says reaches no terminal raw, and JSON is JSON whatever it says" {
    start false a_false_broker
    wait_until 60 [ -S false.sock ]
    run -0 bin/relayctl -s false.sock agents
    [[ $output == *' a?[2J??b '* ]]
    run -0 bin/relayctl -s false.sock -j agents
    [ "$(jq -r '.agents[0].peer' <<<"$output")" = 'a?[2J??b' ]
    [ "$(jq -r '.agents[0].agent_version' <<<"$output")" = 'v?' ]
}
