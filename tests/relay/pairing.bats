#!/usr/bin/env bats
# Who meets whom: an agent and a stone with the same certificate, and nobody
# else. They are made by hand, to do what no proper one would.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice bob client-{0..9}
}

a_session_by_hand() {
    take_baseline
    play <<'SCRIPT'
works("alice")
SCRIPT
    assert_back_to_baseline
}

@test "an agent and a stone with one certificate are joined, and nothing is left of it" {
    through_each_spawner a_session_by_hand
}

# type_in TEXT...: each piece on its own, as by hand.
type_in() {
    local piece
    for piece; do
        printf '%s' "$piece"
        a_moment
    done
}

typed_by_hand() {
    mkfifo agent.in client.in
    start agent s_client_on agent.in
    exec 7>agent.in
    type_in 'GET /KLAB/po' $'ll HTTP/1.1\nX-Ver: 2\n' $'\n' >&7
    wait_until 60 says agent '^X-Customer: nusers=256&type=3&expire=4294967295&digest=[0-9a-f]{32}'
    start client s_client_on client.in
    exec 8>client.in
    type_in 'GET / HT' $'TP/1.1\n' $'\n' >&8
    wait_until 60 says agent '^X-Forwarded-For: '
    type_in $'HTTP/1.1 200 OK\n\nfrom the agent\n' >&7
    wait_until 60 says client '^from the agent'
    type_in $'from the stone\n' >&8
    wait_until 60 says agent '^from the stone'
    exec 7>&- 8>&-
    await_end agent || :
    await_end client || :
    rm agent.in client.in
}

s_client_on() {
    exec openssl s_client -connect "127.0.0.1:$relay_port" -CAfile "$scratch/ca.pem" -quiet \
        -no_ign_eof -cert "$scratch/alice/cert.pem" -key "$scratch/alice/private.pem" <"$1"
}

@test "both roles can be typed into openssl s_client, with bare LF and in pieces" {
    through_each_spawner typed_by_hand
}

article_stone() {
    local port
    port=$(free_port)
    start_play agent <<'SCRIPT'
agent = poll("alice")
head = head_of_stone(agent)
assert head.startswith(b"GET / HTTP/1.1\r\n"), head
agent.send(OK + b"welcome")
assert agent.read(4) == b"ping"
agent.send(b"pong")
assert agent.rest() == b""
agent.close()
SCRIPT
    start_stone stone alice "$port"
    STONE_PORT=$port play <<'SCRIPT'
client = socket.create_connection(("localhost", int(os.environ["STONE_PORT"])), 60)
client.sendall(b"ping")
got = b""
while len(got) < 11:
    got += client.recv(100)
assert got == b"welcomepong", got
client.close()
SCRIPT
    ended_well agent
    stop stone || :
}

@test "Debian's stone, set up as in its article, reaches an agent" {
    through_each_spawner article_stone
}

@test "an agent is told its entitlement, with a digest over it and its certificate" {
    with_relay
    play <<'SCRIPT'
import hashlib

with open(f"{SCRATCH}/alice/cert.pem", encoding="ascii") as file:
    der = ssl.PEM_cert_to_DER_cert(file.read())
agent = Peer("alice")
agent.send(POLL + b"\r\n")
text = b"nusers=256&type=3&expire=4294967295"
digest = hashlib.sha256(text + der).hexdigest()[:32].encode()
assert agent.head() == b"HTTP/1.1 200 OK\r\nX-Customer: %s&digest=%s\r\n\r\n" % (text, digest)
agent.close()
SCRIPT
}

no_agent() {
    play <<'SCRIPT'
other = poll("bob")
start = time.monotonic()
client = stone("alice")
answer = client.rest()
took = time.monotonic() - start
assert answer.startswith(b"HTTP/1.1 503 No agent is there for this certificate\r\n"), answer
assert b"\r\nX-Reason: No agent is there for this certificate\r\n" in answer, answer
assert re.search(rb"\r\nRetry-After: [1-9][0-9]*\r\n", answer), answer
assert took > 0.9 and in_time(took, 4)
logged(client, "refused status=503 ")
assert other.silent(0.01)
client.close()
other.close()
SCRIPT
}

@test "a stone without an agent gets 503 and Retry-After when match_timeout is over" {
    configure 'match_timeout = 1'
    through_each_spawner no_agent
}

late_agent() {
    play <<'SCRIPT'
client = stone("alice", GET + b"early bytes")
assert client.silent(0.5)
agent = poll("alice")
head_of_stone(agent)
agent.send(OK)
assert client.head() == OK
assert agent.read(11) == b"early bytes"
client.close()
agent.close()
SCRIPT
}

@test "an agent that comes within match_timeout is used" {
    through_each_spawner late_agent
}

@test "ten certificates at once: nothing crosses" {
    with_relay
    play <<'SCRIPT'
SESSIONS = 5
SIZE = 64 * 1024

def serve(name):
    agent = poll(name)
    head = head_of_stone(agent)
    assert b"\r\nX-Name: %s\r\n" % name.encode() in head, (name, head)
    agent.send(OK)
    assert agent.read(SIZE) == (name.encode() * SIZE)[:SIZE], name
    agent.send((b"to " + name.encode()) * (SIZE // 8))
    assert agent.rest() == b"", name
    agent.close()

def ask(name):
    client = stone(name, b"GET / HTTP/1.1\r\nX-Name: %s\r\n\r\n" % name.encode())
    assert client.head() == OK
    client.send((name.encode() * SIZE)[:SIZE])
    expected = (b"to " + name.encode()) * (SIZE // 8)
    assert client.read(len(expected)) == expected, name
    client.finish()
    assert client.rest() == b"", name
    client.close()

names = [f"client-{i}" for i in range(10)] * SESSIONS
in_threads(lambda job: job[0](job[1]), *[(serve, n) for n in names], *[(ask, n) for n in names])
SCRIPT
    assert_back_to_baseline
    wait_until 60 says_times broker 50 ' session .*reason=done$'
}

@test "two certificates never meet, whoever waits longer" {
    with_relay 'match_timeout = 1'
    play <<'SCRIPT'
agents = [poll("alice") for _ in range(3)]
assert stone("bob").rest().startswith(b"HTTP/1.1 503 ")
assert all(agent.silent(0.01) for agent in agents)
client = stone("alice")
head_of_stone(agents[0])
SCRIPT
}

@test "two agents with one certificate both serve" {
    with_relay
    play <<'SCRIPT'
agents = [poll("alice"), poll("alice")]
clients = [stone("alice"), stone("alice")]
for number, agent in enumerate(agents):
    head_of_stone(agent)
    agent.send(OK + bytes([number]))
served = set()
for client in clients:
    assert client.head() == OK
    served.add(client.read(1))
assert served == {b"\0", b"\1"}, served
SCRIPT
    assert_back_to_baseline
}

@test "an agent's empty lines are dropped, before the match and up to its answer" {
    with_relay
    play <<'SCRIPT'
agent = poll("alice")
agent.send(b"\r\n")
agent.send(b"\n\r\n")
client = stone("alice")
head_of_stone(agent)
agent.send(b"\r\n")
agent.send(b"\n\r\n\r")
agent.send(b"\n" + OK)
assert client.read(len(OK)) == OK
# behind the answer's first byte they are the session's
agent.send(b"\r\n\n")
agent.send(b"end")
assert client.read(6) == b"\r\n\nend"
client.close()
agent.close()
SCRIPT
}

@test "an agent that speaks before its match loses its poll, and no stone" {
    with_relay
    play <<'SCRIPT'
rude = poll("alice")
rude.send(b"HTTP/1.1 200 OK\r\n\r\n")
assert rude.end()
logged(rude, "agent-spoke-early ")
works("alice")
SCRIPT
}

@test "a stone that breaks off while it waits costs nothing" {
    with_relay
    play <<'SCRIPT'
for _ in range(3):
    client = stone("alice")
    assert client.silent(0.2)
    client.reset()
SCRIPT
    assert_back_to_baseline
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "a stone that dies while it waits is forgotten at once" {
    with_relay 'match_timeout = 60'
    play <<'SCRIPT'
client = stone("alice")
assert client.silent(0.2)
client.sock.close()
SCRIPT
    assert_back_to_baseline
    play <<'SCRIPT'
agent = poll("alice")
assert agent.silent(0.5)
client = stone("alice")
head_of_stone(agent)
SCRIPT
}

@test "an agent that leaves while it waits costs no stone" {
    with_relay
    play <<'SCRIPT'
def hang_up(agent):
    agent.sock.close()

for leave in Peer.close, Peer.reset, hang_up:
    leave(poll("alice"))
SCRIPT
    assert_back_to_baseline
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "X-Agent: an agent that does not answer in time is dropped, and another one gets the stone" {
    with_relay
    play <<'SCRIPT'
stopped = [poll("alice", b"X-Agent: a1"), poll("alice", b"X-Agent: a1")]
good = poll("alice", b"X-Agent: b2")
start = time.monotonic()
client = stone("alice", GET + b"payload")
head_of_stone(good)
took = time.monotonic() - start
assert took > 1.5 and in_time(took, 3)
good.send(b"\r\n")
good.send(OK)
assert client.head() == OK
assert good.read(7) == b"payload"
assert stopped[0].end() != "clean", stopped[0].ended
logged(stopped[0], "matched .* result=unconfirmed")
# its other poll waits behind those of other agents, but is not lost
assert stopped[1].silent(0.1)
other = poll("alice", b"X-Agent: c3")
second = stone("alice")
head_of_stone(other)
third = stone("alice")
head_of_stone(stopped[1])
stopped[1].send(b"\r\n" + OK)
assert third.head() == OK
SCRIPT
}

@test "one certificate may have 256 stones, and the next one is told so" {
    with_relay 'match_timeout = 60'
    play <<'SCRIPT'
waiting = []
in_threads(lambda _: waiting.extend(stone("alice") for _ in range(64)), *range(4))
answer = refused(GET, 429, "All sessions of this customer are in use")
assert "\r\nRetry-After: " in answer, answer
works("bob")
waiting.pop().reset()
def is_free():
    client = stone("alice")
    free = client.silent(0.5)
    client.reset()
    return free
until(is_free)
for client in waiting:
    client.reset()
SCRIPT
    assert_back_to_baseline
}
