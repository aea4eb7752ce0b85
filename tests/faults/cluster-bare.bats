#!/usr/bin/env bats
# Marked sessions that cross from one relay to another, in which a process dies or
# pauses at any point of the change-over: of both relays, those for the crossing and
# the handlers. A death is an error to both clients, and a pause is none.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/cluster
load ../lib/faults

setup_file() {
    make_pki alice
    make_nodes tokyo osaka
}

setup() {
    prepare
    configure 'match_timeout = 60'
    make_relays tokyo osaka
    start_relays
}

# points: a script that knows the points of the change-over.
points() {
    { printf 'from crossing import *\nROUNDS = %d\n' "$rounds" && cat; } | across play
}

# bats test_tags=slow
@test 'a process of a crossing that is killed, at any point of the change-over, is a reset at both ends' {
    points <<'SCRIPT'
for point, turn in all_points(ROUNDS):
    for victim in range(4):
        pair, pids = across()
        pair, pids = pair[::turn], pids[::turn]
        point(pair, pids)
        os.kill(pids[victim], signal.SIGKILL)
        for pid in pids:
            go_on(pid)
        ends = [tcp_end(peer) for peer in pair]
        if point is half:  # the one that has had its end sees no other
            assert ends[0] == "reset", (turn, victim, ends)
        else:
            assert ends == ["reset", "reset"], (point.__name__, turn, victim, ends)
        for pid in pids:
            until(lambda: gone(pid))
        for peer in pair:
            peer.sock.close()
SCRIPT
}

# bats test_tags=slow
@test 'one that pauses, at any point of it, costs the session time and nothing else' {
    points <<'SCRIPT'
def whole(pair, left):
    """What is still to be said in each direction, and its end."""
    for a, b in pair, pair[::-1]:
        if not left[a]:
            leave(a)
            come_bare(b)
        put(a, b"behind it")
        assert get(b, 9) == b"behind it"
    for a, b in pair, pair[::-1]:
        a.cut()
        assert tcp_end(b) == "fin"

def ends_later(pair):
    put(pair[1], b"behind it")
    assert get(pair[0], 9) == b"behind it"
    pair[1].cut()
    assert tcp_end(pair[0]) == "fin"

for point, turn in all_points(ROUNDS):
    if point is full:  # there are no bounds to what is on its way
        continue
    for victim in range(4):
        pair, pids = across()
        pair, pids = pair[::turn], pids[::turn]
        point(pair, pids)
        stop(pids[victim])
        settled(pids)
        timer = threading.Timer(0.05, lambda: [go_on(pid) for pid in pids])
        timer.start()
        if point is half:
            ends_later(pair)
        else:
            if point in ASKED:
                come_bare(pair[1])
            begun = point in ASKED or point in (one_way, both_ways)
            whole(pair, {pair[0]: begun, pair[1]: point is both_ways})
        timer.join()
        for pid in pids:
            until(lambda: gone(pid))
        for peer in pair:
            peer.sock.close()
SCRIPT
    wait_until 60 says tokyo-broker ' session .* reason=done$'
    says_times tokyo-broker 0 ' session .* reason=(peer|other|client|stone|agent)'
}

@test 'a death at a random moment, with much on its way, is never a clean end' {
    points <<'SCRIPT'
def sender(peer):
    with contextlib.suppress(OSError):
        say(peer, os.urandom(random.randint(1, 200000)))
        leave(peer)
        while True:
            put(peer, bytes(65536))

for _ in range(12 * ROUNDS):
    pair, pids = across()
    a, b = random.choice((pair, pair[::-1]))
    thread = threading.Thread(target=sender, args=(a,))
    dead = threading.Timer(random.random() * 0.3, os.kill, (random.choice(pids), signal.SIGKILL))
    thread.start()
    dead.start()
    with contextlib.suppress(ConnectionResetError):
        come_bare(b)
        assert tcp_end(b) == "reset"
    thread.join()
    for pid in pids:
        until(lambda: gone(pid))
    for peer in pair:
        peer.sock.close()
SCRIPT
}

# ends_at POINT COMMAND...: which ends a session that has got so far.
ends_at() {
    local at=$1
    shift
    rm -f at.*
    across start_play ends <<SCRIPT
from crossing import *
agent, client = marked("alice", *PORTS)
$at((client, agent), ())
at_point("at")
assert tcp_end(client) == "reset"
assert $at is half or tcp_end(agent) == "reset"
SCRIPT
    await_point ends at
    "$@"
    go_on at
    ended_well ends
}

# bats test_tags=slow
@test 'a kick at either relay ends it at any point, and so does the revocation of the other' {
    local at
    for at in nothing one_way both_ways half; do
        ends_at "$at" node_ctl tokyo kick default
        ends_at "$at" node_ctl osaka kick default
        ends_at "$at" revoke_node osaka tokyo
        trust_again tokyo
        ends_at "$at" revoke_node tokyo osaka
        trust_again osaka
    done
}
