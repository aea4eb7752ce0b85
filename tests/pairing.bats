#!/usr/bin/env bats
# Who meets whom: an agent and a stone with the same certificate, and nobody
# else; what becomes of a session when one side, a handler or the broker goes.
# The agents and stones are made by hand, to do what no proper one would.
#
# shellcheck disable=SC2030,SC2031,SC2154

load helpers

setup_file() {
    make_pki alice bob client-{0..9}
}

setup() {
    prepare
}

teardown() {
    end_all
}

# with_relay [LINE...]: a relay with these lines in relay.conf.
with_relay() {
    [ $# -eq 0 ] || configure "$@"
    start_broker
    start_relay listen
    take_baseline
}

# ---- agents and stones ----

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
    wait_until 10 says agent '^X-Customer: nusers=256&type=3&expire=4294967295&digest=[0-9a-f]{32}'
    start client s_client_on client.in
    exec 8>client.in
    type_in 'GET / HT' $'TP/1.1\n' $'\n' >&8
    wait_until 10 says agent '^X-Forwarded-For: '
    type_in $'HTTP/1.1 200 OK\n\nfrom the agent\n' >&7
    wait_until 10 says client '^from the agent'
    type_in $'from the stone\n' >&8
    wait_until 10 says agent '^from the stone'
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
client = socket.create_connection(("localhost", int(os.environ["STONE_PORT"])), 20)
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
assert 0.9 < took < 4, took
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
    wait_until 5 says_times broker 50 ' session .*reason=done$'
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
assert 1.5 < took < 3, took
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

# ---- ends ----

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
    wait_until 5 says_times broker 2 ' session .*reason=done$'
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
    assert time.monotonic() - start < 1
    assert not other.got, other.got

for action in Peer.cut, Peer.reset:
    for side in "stone", "agent":
        breaks(action, side)
SCRIPT
    wait_until 5 says broker ' session .*reason=stone-error'
    wait_until 5 says broker ' session .*reason=agent-error'
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
    assert time.monotonic() - start < 1
    assert victim.end() != "clean", (side, victim.ended)
    bystander[0].send(b"untouched")
    assert bystander[1].read(9) == b"untouched"
    bystander[1].send(b"as well")
    assert bystander[0].read(7) == b"as well"

kill_one("stone")
kill_one("agent")
works("alice")
SCRIPT
    wait_until 5 says broker ' session .*reason=stone-handler-died'
    wait_until 5 says broker ' session .*reason=agent-handler-died'
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
    wait_until 5 says relay " handler-killed pid=$(<killed) signal=9$"
    assert_back_to_baseline
}

# ---- the broker goes ----

# all_are_registered: each handler has a connection to the broker, relay-listen
# another, and the broker listens on one more socket.
all_are_registered() {
    local others=1
    [ "$spawner" != listen ] || others=2
    [ "$(unix_sockets)" -eq $(($(handlers) + others)) ]
}

broker_dies() {
    start_play traffic <<'SCRIPT'
import hashlib

SIZE = 32 << 20
data = os.urandom(1 << 20)
waiting = poll("bob")
agent, client = session("alice")
session_id = re.search(r" id=([0-9a-f]{8}) ", logged(client, " matched ")).group(1)
sums = {}

def send():
    for number in range(SIZE >> 20):
        if number == 8:
            at_point("transfer")
        client.send(data)
    client.finish()

def receive():
    got = hashlib.sha256()
    for _ in range(SIZE >> 16):
        got.update(agent.read(1 << 16, 60))
    assert agent.rest() == b""
    sums["got"] = got.hexdigest()

in_threads(lambda act: act(), send, receive)
assert sums["got"] == hashlib.sha256(data * (SIZE >> 20)).hexdigest()

at_point("restarted")
# the agent that waited all the while is back by itself
client2 = stone("bob")
head_of_stone(waiting)
waiting.send(OK)
assert client2.head(10) == OK
works("alice")

at_point("announced")
agent.finish()
assert client.rest() == b""
with open(f"{SCRATCH}/session", "w", encoding="ascii") as file:
    print(session_id, file=file)
SCRIPT
    await_point traffic transfer
    stop broker KILL || :
    go_on transfer
    await_point traffic restarted
    start_broker
    go_on restarted
    await_point traffic announced
    # both handlers of the live session have told the new broker of it
    wait_until 10 all_are_registered
    go_on announced
    ended_well traffic
    # it is the new broker that tells of the session's end
    wait_until 5 says broker " session id=$(<session) .*reason=done"
}

@test "the death of the broker costs no live session a byte, and waiting agents come back" {
    with_relay 'match_timeout = 10'
    broker_dies
}

@test "the death of the broker costs no live session a byte under xinetd either" {
    [ -n "$SYSLOG_FILE" ] || skip 'needs root, and no other syslog daemon'
    start_broker
    start_relay xinetd
    broker_dies
}

@test "a stone that comes while the broker is away is served when it is back" {
    with_relay
    play <<'SCRIPT'
works("alice")
SCRIPT
    stop broker KILL || :
    start_play visitor <<'SCRIPT'
agent = Peer("alice")
agent.send(POLL + b"\r\n")
client = stone("alice")
assert client.silent(0.5)
at_point("waiting")
assert agent.head().startswith(b"HTTP/1.1 200 ")
head_of_stone(agent)
agent.send(OK)
assert client.head() == OK
SCRIPT
    await_point visitor waiting
    start_broker
    go_on waiting
    ended_well visitor
}

@test "without a broker a stone gets 503 that says so" {
    configure 'match_timeout = 1'
    start_relay listen
    play <<'SCRIPT'
answer = stone("alice").rest()
assert answer.startswith(b"HTTP/1.1 503 The relay is restarting\r\n"), answer
assert b"\r\nRetry-After: " in answer, answer
SCRIPT
}

@test "a second broker does not take the socket from the first" {
    with_relay
    run -69 timeout 10 bin/relay-broker -c relay.conf
    [[ $output == *"another process serves it"* ]]
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "only the relay's own user may register with the broker" {
    is_root || skip 'needs root'
    with_relay
    timeout 20 python3 - <<'SCRIPT'
import os, socket

os.setgroups([])
os.setresgid(65533, 65533, 65533)
os.setresuid(65533, 65533, 65533)
stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
stranger.settimeout(10)
stranger.connect("broker.sock")
try:
    assert b"only root" in stranger.recv(100)
    assert stranger.recv(100) == b""
except ConnectionResetError:
    pass
SCRIPT
    says broker ' stranger uid=65533 '
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "what is no message of the protocol ends that connection and nothing else" {
    with_relay
    cat >garbage.py <<'SCRIPT'
import os, socket, struct

for packet in b"x", b"\0" * 8, struct.pack("=HHI", 1, 99, 8), struct.pack("=HHI", 1, 1, 8), os.urandom(20000):
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stranger.settimeout(10)
    stranger.connect("broker.sock")
    stranger.send(packet)
    try:
        assert stranger.recv(100) == b"", packet
    except ConnectionResetError:
        pass
SCRIPT
    start garbage unprivileged env PATH=/usr/bin:/bin python3 "$scratch/garbage.py"
    ended_well garbage
    wait_until 5 says broker ' bad-message'
    assert_back_to_baseline
    play <<'SCRIPT'
works("alice")
SCRIPT
}

# ---- signals ----

@test "SIGTERM drains relay-listen: waiting agents end, a live session completes, then it ends with 0" {
    with_relay
    start_play traffic <<'SCRIPT'
waiting = poll("bob")
agent, client = session("alice")
client.send(b"before")
assert agent.read(6) == b"before"
at_point("drain")
assert waiting.rest() == b""
try:
    tcp().close()
    assert False, "it still accepts"
except ConnectionRefusedError:
    pass
client.send(b"after")
assert agent.read(5) == b"after"
at_point("drained")
client.finish()
assert agent.rest() == b""
agent.finish()
assert client.rest() == b""
SCRIPT
    await_point traffic drain
    kill -TERM "$(pid_of relay)"
    wait_until 5 says relay ' draining handlers=3$'
    go_on drain
    await_point traffic drained
    running relay
    go_on drained
    ended_well traffic
    await_end relay
    says relay ' stop$'
}

@test "a stone that waits when relay-listen is drained gets 503" {
    with_relay
    start_play visitor <<'SCRIPT'
client = stone("alice")
assert client.silent(0.5)
at_point("drain")
answer = client.rest()
assert answer.startswith(b"HTTP/1.1 503 The relay is stopping\r\n"), answer
SCRIPT
    await_point visitor drain
    stop relay &
    go_on drain
    ended_well visitor
    await_end relay
}

@test "a second SIGTERM ends relay-listen with its sessions" {
    with_relay
    start_play traffic <<'SCRIPT'
agent, client = session("alice")
at_point("live")
assert agent.end() != "clean"
assert client.end() != "clean"
SCRIPT
    await_point traffic live
    kill -TERM "$(pid_of relay)"
    wait_until 5 says relay ' draining '
    kill -TERM "$(pid_of relay)"
    await_end relay
    go_on live
    ended_well traffic
}

# served_serial: the serial number of the certificate that the relay shows.
served_serial() {
    s_client alice <<<$'GET /KLAB/x HTTP/1.1\n' | openssl x509 -noout -serial
}

@test "SIGHUP takes new certificates and a new CRL, and costs no session" {
    with_relay
    start_play traffic <<'SCRIPT'
waiting = poll("client-0")
agent, client = session("alice")
at_point("reloaded")
client.send(b"same session")
assert agent.read(12) == b"same session"
assert waiting.silent(0.1)
SCRIPT
    await_point traffic reloaded
    cp -r "$pki" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" renew 127.0.0.1 >/dev/null
    cp "$scratch.ca"/server/127.0.0.1/*.pem .
    give "$scratch"/*.pem
    revoke bob
    configure 'crl = crl.pem'
    local before
    before=$(served_serial)
    kill -HUP "$(pid_of relay)"
    wait_until 5 says relay ' reloaded$'
    [ "$(served_serial)" = "$(openssl x509 -in cert.pem -noout -serial)" ]
    [ "$(served_serial)" != "$before" ]
    run s_client bob <<<$'GET /KLAB/x HTTP/1.1\n'
    [[ $output != *HTTP/1.1* ]]
    wait_until 5 says relay 'tls-refused .*reason=certificate_revoked subject=/CN=bob '
    go_on reloaded
    ended_well traffic
}

# keeps_the_old REASON: SIGHUP changes nothing, and the log says why.
keeps_the_old() {
    local before
    before=$(served_serial)
    : >relay.log
    kill -HUP "$(pid_of relay)"
    wait_until 5 says relay " reload-failed error=.*$1"
    [ "$(served_serial)" = "$before" ]
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "SIGHUP with a bad file keeps what was loaded, and says which file" {
    with_relay
    cp cert.pem good.pem
    echo garbage >cert.pem
    keeps_the_old cert.pem
    cp bob/cert.pem cert.pem
    keeps_the_old cert.pem
    cp good.pem cert.pem
    chmod 640 private.pem
    keeps_the_old private.pem
    chmod 600 private.pem
    configure 'nonsense'
    keeps_the_old 'relay.conf:[0-9]+:'
}

# ---- listeners ----

@test "relay-listen serves IPv4 and IPv6 and several listen lines" {
    [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip 'no IPv6 here'
    local second
    second=$(free_port)
    with_relay "listen = [::1]:$relay_port" "listen = 127.0.0.1:$second"
    SECOND=$second play <<'SCRIPT'
agent = poll("alice", port=int(os.environ["SECOND"]))
client = stone("alice", host="::1")
assert b"\r\nX-Forwarded-For: ::1\r\n" in head_of_stone(agent)
agent.send(OK)
assert client.head() == OK
logged(client, " matched ")
client.close()
agent.close()
SCRIPT
    assert_back_to_baseline
}

@test "a port that is taken is an error with its address" {
    with_relay
    run -69 timeout 10 bin/relay-listen -c relay.conf
    [[ $output == *"listen 127.0.0.1 port $relay_port: Address already in use"* ]]
}
