#!/usr/bin/env bats
# How a session ends: cleanly in one direction, or with an error to both sides,
# and what becomes of others. Agents and stones are made by hand.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice bob client-{0..9}
}

half_close() {
    play <<'SCRIPT'
big = os.urandom(1 << 20)

# the stone ends first, and still gets all that the agent says
agent, client = session("alice")
client.send(b"question")
client.finish()
assert agent.rest() == b"question"
in_threads(lambda act: act(), lambda: agent.send(big) or agent.finish(),
           lambda: client.read(len(big)) == big or sys.exit("damaged"))
assert client.rest() == b""
client.close()
agent.close()

# the agent ends first
agent, client = session("alice")
agent.send(b"greeting")
agent.finish()
assert client.rest() == b"greeting"
in_threads(lambda act: act(), lambda: client.send(big) or client.finish(),
           lambda: agent.read(len(big)) == big or sys.exit("damaged"))
assert agent.rest() == b""
client.close()
agent.close()
SCRIPT
    wait_until 60 says_times broker 2 ' session .*reason=done$'
}

@test "either side may end its direction and still receive the other" {
    through_each_spawner half_close
}

broken_off() {
    play <<'SCRIPT'
def breaks(action, side):
    agent, client = session("alice")
    pair = {"stone": client, "agent": agent}
    broken = pair.pop(side)
    (other,) = pair.values()
    broken.send(b"some")
    assert other.read(4) == b"some"
    start = time.monotonic()
    action(broken)
    assert other.end() == "reset", (action.__name__, side, other.ended)
    assert in_time(time.monotonic() - start, 1)
    assert not other.got, other.got

for action in Peer.cut, Peer.reset:
    for side in "stone", "agent":
        breaks(action, side)
SCRIPT
    wait_until 60 says broker ' session .*reason=stone-error'
    wait_until 60 says broker ' session .*reason=agent-error'
}

@test "an end of TCP without close_notify, or a reset, is a reset on the other side" {
    through_each_spawner broken_off
}

killed_handlers() {
    play <<'SCRIPT'
def kill_one(side):
    agent, client = session("alice")
    bystander = session("bob")
    victim, other = (client, agent) if side == "stone" else (agent, client)
    victim.send(b"x" * 100000)
    other.read(1)
    pid = handler_of(victim)
    assert pid != handler_of(other)
    os.kill(pid, signal.SIGKILL)
    start = time.monotonic()
    assert other.end() == "reset", (side, other.ended)
    assert in_time(time.monotonic() - start, 1)
    assert victim.end() != "clean", (side, victim.ended)
    bystander[0].send(b"untouched")
    assert bystander[1].read(9) == b"untouched"
    bystander[1].send(b"as well")
    assert bystander[0].read(7) == b"as well"

kill_one("stone")
kill_one("agent")
works("alice")
SCRIPT
    wait_until 60 says broker ' session .*reason=stone-handler-died'
    wait_until 60 says broker ' session .*reason=agent-handler-died'
}

@test "a handler that is killed in a session is a reset on the other side, and nothing to other sessions" {
    through_each_spawner killed_handlers
}

@test "relay-listen says which handler was killed" {
    with_relay
    play <<'SCRIPT'
agent = poll("alice")
pid = handler_of(agent)
os.kill(pid, signal.SIGKILL)
with open(f"{SCRATCH}/killed", "w", encoding="ascii") as file:
    print(pid, file=file)
SCRIPT
    wait_until 60 says relay " handler-killed pid=$(<killed) signal=9$"
    assert_back_to_baseline
}
