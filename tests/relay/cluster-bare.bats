#!/usr/bin/env bats
# Sealed sessions that cross from one relay to another: all three legs leave the
# relays' TLS where both relays and both ends agree, and none does otherwise.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/shared
load ../lib/sealed
load ../lib/cluster

# How many sessions of random sizes cross, and change over at random moments.
changes=${BARE_CHANGES:-48}

setup_file() {
    make_pki alice
    make_nodes tokyo osaka kyoto
}

setup() {
    prepare
    configure 'match_timeout = 60'
    make_relays tokyo osaka
}

# sealing AGENT STONE [LINE...]: the ends, of these modes, an agent at osaka that
# has these lines, and a stone at tokyo.
sealing() {
    start_target target-alice whole alice
    sealing_to "$target" "$@"
}

sealing_to() {
    local to=$1 agent=$2 stone=$3
    shift 3
    : >"$scratch/agent.log"
    at_relay osaka a_sealing_agent "$agent" "$to" "$@"
    at_relay tokyo a_sealing_stone "$stone"
}

# shows NAME SEAL: relayctl there, of the only session.
shows() {
    [ "$(node_ctl "$1" --json sessions | jq -r '[.sessions[].seal] | join(" ")')" = "$2" ]
}

# both_logged SEAL: the session's end, as the brokers have it.
both_logged() {
    wait_until 60 says tokyo-broker " session .* agent_node=osaka seal=$1 .* reason=done$"
    wait_until 60 says osaka-broker " session .* stone_node=tokyo .* seal=$1 .* reason=done$"
}

# is_whole SEAL: a session with much both ways, which relayctl shows so meanwhile.
is_whole() {
    rm -f now.*
    start_client held session "$stone_port" alice "$scratch/now"
    await_point held now
    wait_until 60 shows tokyo "$1"
    wait_until 60 shows osaka "$1"
    go_on now
    ended_whole held
    client session "$stone_port" alice $((12 << 20)) $((12 << 20))
    both_say "$1"
    both_logged "$1"
    not says target-alice spoilt
}

@test "a sealed session goes bare on all three legs, and is whole" {
    start_relays
    sealing require require
    is_whole bare
    says tokyo-peer ' bare id=[0-9a-f]+ role=agent '
    says osaka-peer ' bare id=[0-9a-f]+ role=stone '
    says tokyo-relay ' bare id=[0-9a-f]+ role=stone '
    says osaka-relay ' bare id=[0-9a-f]+ role=agent '
}

@test "with bare = no at either relay no leg does, and the session is as sealed" {
    local name
    for name in tokyo osaka; do
        sed -i '$abare = no' "$name/relay.conf"
        start_relays
        sealing require require
        is_whole sealed
        not says tokyo-peer ' bare '
        not says osaka-peer ' bare '
        not says tokyo-relay ' bare '
        not says osaka-relay ' bare '
        stop_all
        sed -i '$d' "$name/relay.conf"
    done
}

stop_all() {
    local name what
    stop stone
    stop agent
    for name in tokyo osaka; do
        for what in peer relay broker; do
            stop "$name-$what"
        done
    done
}

@test "one that is not sealed never leaves the relays' TLS" {
    start_relays
    sealing auto off
    is_whole none
    not says tokyo-peer ' bare '
    not says osaka-peer ' bare '
}

# bats test_tags=slow
@test "sessions of all sizes, which end in any order, are whole and bare" {
    start_relays
    start_streams target
    at_relay osaka start_waiting_agent agent alice "$target" '--seal require' '-m 4:64'
    at_relay tokyo a_sealing_stone require
    timeout 300 python3 -SB "$tests/lib/streams.py" client "$stone_port" "$changes" 8 3>&-
    wait_until 60 says_times target "$changes" '^whole'
    says_times target 0 '^(spoilt|error)'
    wait_until 60 says_times stone "$changes" ' session .* reason=done .* seal=bare$'
}

# bats test_tags=slow
@test "each direction changes over at any moment, and what is on its way comes first" {
    start_relays
    { echo "COUNT = $changes" && cat <<'SCRIPT'; } | across play
from crossing import *
for _ in range(COUNT):
    changes(marked("alice", *PORTS), 1 << 18)
SCRIPT
    wait_until 60 says_times tokyo-broker "$changes" ' session .* seal=bare .* reason=done$'
    wait_until 60 says_times osaka-broker "$changes" ' session .* seal=bare .* reason=done$'
}

@test "half a close passes before the change-over, in it, and behind it" {
    start_relays
    across play <<'SCRIPT'
from crossing import *

def bare_end(a, b):
    a.cut()
    assert tcp_end(b) == "fin"

for first in 1, -1:
    # behind it
    a, b = bare("alice", *PORTS)[::first]
    put(a, b"there")
    assert get(b, 5) == b"there"
    bare_end(a, b)
    put(b, b"back" * 100000)
    assert get(a, 400000) == b"back" * 100000
    bare_end(b, a)

    # in it: one direction has ended, and the other is in TLS
    a, b = marked("alice", *PORTS)[::first]
    leave(a)
    put(a, b"there")
    come_bare(b)
    assert get(b, 5) == b"there"
    bare_end(a, b)
    b.send(b"in TLS")
    assert a.read(6) == b"in TLS"
    leave(b)
    come_bare(a)
    put(b, b"back")
    assert get(a, 4) == b"back"
    bare_end(b, a)

    # before it: neither leaves TLS but to end
    a, b = marked("alice", *PORTS)[::first]
    a.send(b"x" * 100000)
    assert b.read(100000) == b"x" * 100000
    a.finish()
    a.cut()
    assert b.rest() == b""
    b.send(b"a refusal, say")
    b.finish()
    b.cut()
    assert a.rest() == b"a refusal, say"
    assert tcp_end(a) == tcp_end(b) == "fin"
SCRIPT
    wait_until 60 says_times tokyo-broker 6 ' session .* reason=done$'
    wait_until 60 says_times osaka-broker 6 ' session .* reason=done$'
}

# tap_all_legs: starts the relays; what crosses each leg is in files middle*, tokyo*
# and osaka*, of which the longest are the session's.
tap_all_legs() {
    local leg
    take_port
    start_wire middle "$port" "${peer_of[osaka]}"
    sed -i "s/^peer = osaka .*/peer = osaka 127.0.0.1:$port/" tokyo/relay.conf
    start_relays
    for leg in osaka tokyo; do
        take_port
        start_wire "$leg" "$port" "${port_of[$leg]}"
        port_of["$leg"]=$port
    done
}

@test "on the wire all legs are one TLS connection each, and carry the same records" {
    tap_all_legs
    start_target target shout
    sealing_to "$target" auto auto "-m 1:1"
    answers_with "$stone_port" hello
    both_say bare
    both_logged bare
    stop agent
    PYTHONPATH=$tests/lib python3 -B - <<'SCRIPT'
import glob
from wire import is_bare, looks_like_tls, longest

stone, middle, agent = (longest(glob.glob(leg + "*.up")) for leg in ("tokyo", "middle", "osaka"))
for leg in stone, middle, agent:
    looks_like_tls(leg)
for source, sink in (stone + ".up", middle + ".up"), (middle + ".up", agent + ".down"), \
        (agent + ".up", middle + ".down"), (middle + ".down", stone + ".down"):
    is_bare(source, sink)
SCRIPT
}

@test "on the wire one that is not sealed has nothing in common on any two legs" {
    tap_all_legs
    start_target target shout
    sealing_to "$target" off off "-m 1:1"
    answers_with "$stone_port" hello
    both_logged none
    stop agent
    PYTHONPATH=$tests/lib python3 -B - <<'SCRIPT'
import glob
from wire import looks_like_tls, longest, records

def of(leg):
    return {data for way in (".up", ".down") for kind, data in records(leg + way) if kind == 0x17}

legs = [longest(glob.glob(leg + "*.up")) for leg in ("tokyo", "middle", "osaka")]
for leg in legs:
    looks_like_tls(leg)
a, b, c = map(of, legs)
assert a and b and c and not (a & b or b & c or a & c)
SCRIPT
}

@test "a process of a crossing has no pipe while no bytes move, and few descriptors" {
    needs_plain 'they count fds otherwise'
    local name pid children
    start_relays
    start_streams echo echo
    sealing_to "$target" require require
    start_holding held 1
    for name in tokyo osaka; do
        wait_until 60 shows "$name" bare
        read_pid "$name-peer"
        children_of "$pid"
        [ "${#children[@]}" -eq 1 ]
        wait_until 60 has_no_pipe "${children[0]}"
        [ "$(find "/proc/${children[0]}/fd" -mindepth 1 | wc -l)" -le 12 ]
    done
    end_holding held
}

# has_no_pipe PID: of which it holds both ends.
has_no_pipe() {
    [ -z "$(find "/proc/$1/fd" -lname 'pipe:*' ! -name '[012]' -printf '%l\n' | sort | uniq -d)" ]
}

# ---- other relays ---------------------------------------------------------------

sealed_head=$'GET / HTTP/1.1\r\nX-Seal: 1 aGVsbG8=\r\nX-Forwarded-For: 192.0.2.1'

# as_relay WORD...: one made by hand, which has alice's stone; what it is told.
as_relay() {
    run -0 python3 -SB "$tests/lib/node.py" "${peer_of[osaka]}" "$nodes" kyoto alice/cert.pem "$@" 3>&-
}

@test "an older relay's stone has a session that is not marked, and a newer one's may" {
    start_relays osaka
    start_target target shout
    : >agent.log
    at_relay osaka a_sealing_agent require "$target"
    as_relay --version 1 --head "$sealed_head"
    [ "$output" = $'ready\ntaken' ]
    # it cannot say so, whatever it sends
    as_relay --version 1 --head "$sealed_head" --offer
    [ "$output" = $'ready\ntaken' ]
    as_relay --head "$sealed_head"
    [ "$output" = $'ready\ntaken' ]
    as_relay --head "$sealed_head" --offer
    [ "$output" = $'ready\nmarked' ]
    # the field is the agent's relay's
    as_relay --head "$sealed_head"$'\r\nX-Bare: 1'
    [ "$output" = ready ]
    wait_until 60 says osaka-peer ' node-refused node=kyoto .*no_request_head_of_a_stone'
}

# at_hand WORD...: kyoto is one made by hand, and a stone at tokyo asks to go bare.
at_hand() {
    start kyoto python3 -SB "$tests/lib/node.py" "${peer_of[kyoto]}" "$nodes" kyoto --serve "$@"
    await_start kyoto listening "${peer_of[kyoto]}"
    relay_port=${port_of[tokyo]} start_play stone <<'SCRIPT'
from bare import *
stone("alice", SEALING).end()
SCRIPT
    wait_until 60 says kyoto "^(head|offer)$"
}

@test "an older relay's agent gets a head without an offer, and its relay is not believed beyond that" {
    rm -r tokyo osaka
    make_relays tokyo kyoto
    start_relays tokyo
    at_hand --version 1
    says kyoto '^head$'
    wait_until 60 says tokyo-peer ' crossing-out .* node=kyoto '
    stop kyoto || :
    stop stone || :
    : >kyoto.log
    at_hand --version 1 --mark
    says kyoto '^head$'
    wait_until 60 says tokyo-peer ' node-failed node=kyoto .*reason=the_agent_there_has_not_taken_the_head'
    stop kyoto || :
    stop stone || :
    : >kyoto.log
    at_hand --mark
    says kyoto '^offer$'
}
