#!/usr/bin/env bats
# What a customer may use: so many sessions, so many agents, so long.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    no_customers
}

# exactly_n TRIES: one stone less than nusers, as many, and one more, all at
# once; how many get through, and what the others are told.
exactly_n() {
    play <<SCRIPT
import json, select, subprocess

N = 3
REFUSED = b"HTTP/1.1 429 All sessions of this customer are in use\r\n"

def free():
    status = subprocess.run([f"{SCRATCH}/bin/relayctl", "-c", f"{SCRATCH}/relay.conf", "-j", "status"],
                            capture_output=True, check=True).stdout
    return json.loads(status)["status"]["sessions"] == 0

waiting = []
for i in range($1):
    count = (N + 1, N, N + 1, N - 1)[i % 4]
    while len(waiting) <= N:
        waiting.append(poll("alice"))
    stones = [Peer("alice") for _ in range(count)]
    threads = [threading.Thread(target=s.send, args=(GET,)) for s in stones]
    for t in threads:
        t.start()
    served = []
    while len(served) < min(count, N):
        ready = select.select([a.sock for a in waiting], [], [], 10)[0]
        assert ready, f"only {len(served)} of {count}"
        for agent in [a for a in waiting if a.sock in ready]:
            head_of_stone(agent)
            agent.send(OK)
            waiting.remove(agent)
            served.append(agent)
    heads = [s.head() for s in stones]
    refusals = [h for h in heads if h.startswith(REFUSED)]
    assert heads.count(OK) == min(count, N), heads
    assert len(refusals) == count - min(count, N), heads
    assert all(b"\r\nX-Reason: All sessions" in h and b"\r\nRetry-After: " in h for h in refusals)
    for peer in served + stones:
        peer.close()
    for t in threads:
        t.join()
    until(free)
SCRIPT
}

@test "of N-1, N and N+1 stones that come at once exactly N get through" {
    customer alice 'nusers = 3'
    start_broker
    start_relay listen
    exactly_n "$(often 200)"
}

@test "the same behind xinetd" {
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    customer alice 'nusers = 3'
    start_broker
    start_relay xinetd
    exactly_n "$(often 40)"
}

@test "max_agents polls may wait, and one more is told why not" {
    customer alice 'max_agents = 2'
    start_broker
    start_relay listen
    play <<'SCRIPT'
agents = [poll("alice") for _ in range(2)]
third = Peer("alice")
third.send(POLL + b"\r\n")
assert third.head().startswith(b"HTTP/1.1 429 All agents of this customer are here\r\n"), third.got
poll("bob")
# one that is in a session waits no more
client = stone("alice")
head_of_stone(agents[0])
poll("alice")
SCRIPT
}

ends_at_expire() {
    : >customers
    local expires
    expires=$(($(date +%s) + 3 + $(slowness)))
    customer alice "expire = $expires"
    ctl reload
    EXPIRES=$expires play <<'SCRIPT'
agent, client = session("alice")
waiting = poll("alice")
talk = session("bob")
expires = int(os.environ["EXPIRES"])
seen = {}
def flow(name, peer):
    seen[name] = (peer.end(), time.time() - expires)
threads = [threading.Thread(target=flow, args=named)
           for named in (("agent", agent), ("client", client), ("waiting", waiting))]
for t in threads:
    t.start()
while not client.ended:
    try:
        agent.send(b"x" * 1000)
    except OSError:
        break
    time.sleep(0.01)
for t in threads:
    t.join()
# who is just sending may be told of the reset there
assert seen["agent"][0] in ("reset", "cut"), seen
assert seen["client"][0] == "reset", seen
assert seen["waiting"][0] == "clean", seen
assert all(when > -1 and in_time(when, 2) for _, when in seen.values()), seen
for head in POLL + b"\r\n", GET:
    late = Peer("alice")
    late.send(head)
    answer = late.head()
    assert answer.startswith(b"HTTP/1.1 403 This customer's time is over\r\n"), answer
talk[0].send(b"still")
assert talk[1].read(5) == b"still"
SCRIPT
    says broker ' session .*customer=alice .*reason=expired$'
}

# bats test_tags=slow
@test "at its expire a customer's sessions and polls end in the middle of a transfer, and no other's" {
    through_each_spawner ends_at_expire
}

@test "after the broker was killed, nusers is right again when the sessions have come back" {
    customer alice 'nusers = 2'
    start_broker
    start_relay listen
    start_play sessions <<'SCRIPT'
live = [session("alice"), session("alice")]
spare = poll("alice")
at_point("live")
for agent, client in live:
    client.send(b"still")
    assert agent.read(5) == b"still"
third = stone("alice")
assert third.head().startswith(b"HTTP/1.1 429 "), third.got
live[0][0].close()
live[0][1].close()
at_point("one_ended")
fourth = stone("alice")
head_of_stone(spare)
SCRIPT
    await_point sessions live
    stop broker KILL || :
    start_broker
    wait_until 60 has_sessions 2
    go_on live
    await_point sessions one_ended
    wait_until 60 has_sessions 1
    go_on one_ended
    ended_well sessions
}
