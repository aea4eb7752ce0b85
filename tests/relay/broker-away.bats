#!/usr/bin/env bats
# What sessions, agents and stones have of a broker that dies, is not there, or
# is spoken to by others.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice bob client-{0..9}
}

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
    wait_until 60 all_are_registered
    go_on announced
    ended_well traffic
    # it is the new broker that tells of the session's end
    wait_until 60 says broker " session id=$(<session) .*reason=done"
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
    # once, for all its handlers
    local line=' no-broker socket=.*/broker.sock error=No_such_file_or_directory do=is_relay-broker_running'
    wait_until 60 says relay "$line"
    play <<'SCRIPT'
for _ in range(3):
    stone("alice").rest()
SCRIPT
    says_times relay 1 ' no-broker '
}

@test "a handler of xinetd says that no broker is there" {
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    configure 'match_timeout = 1'
    start_relay xinetd
    play <<'SCRIPT'
stone("alice").rest()
SCRIPT
    wait_until 60 says relay ' no-broker socket=.*/broker.sock '
}

@test "a second broker does not take the socket from the first" {
    with_relay
    run -69 timeout 60 bin/relay-broker -c relay.conf
    [[ $output == *"another process serves it"* ]]
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "only the relay's own user may register with the broker" {
    is_root || skip 'needs root'
    with_relay
    # as if the folder let others in
    chmod 666 broker.sock
    timeout 60 python3 - <<'SCRIPT'
import os, socket

os.setgroups([])
os.setresgid(65533, 65533, 65533)
os.setresuid(65533, 65533, 65533)
stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
stranger.settimeout(60)
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

@test "a handler that speaks of a session that is not its own is ended" {
    with_relay
    cat >foreign.py <<'SCRIPT'
import array, os, socket, struct, sys

VERSION = int(sys.argv[1])
REGISTER, WELCOME, MATCHED, WAIT_AGAIN, END = 1, 2, 4, 5, 6
AGENT, STONE = 1, 2
# the least that has the form of a certificate
DER = bytes.fromhex("300d 3005 020101 3000 3000 03020000")

def packet(kind, body):
    return struct.pack("=HHI", VERSION, kind, 8 + len(body)) + body

def receive(handler):
    data, control, _, _ = handler.recvmsg(65536, 1024)
    for _, _, fds in control:
        for fd in array.array("i", fds):
            os.close(fd)
    return struct.unpack_from("=HH", data)[1], data[8:12]

def register(role):
    handler = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handler.settimeout(60)
    handler.connect("broker.sock")
    body = struct.pack("=IIQII16x64s136x", role, len(DER), 0, 0, 1, b"192.0.2.1:1")
    handler.send(packet(REGISTER, body + DER))
    assert receive(handler)[0] == WELCOME
    return handler

# change: what is added to the session's number
def say(kind, change, *rest):
    agent, stone = register(AGENT), register(STONE)
    what, session = receive(stone)
    assert what == MATCHED and receive(agent) == (MATCHED, session)
    number = struct.unpack("=I", session)[0] ^ change
    stone.send(packet(kind, struct.pack("=I", number) + b"".join(rest)))
    return agent, stone

for kind, rest in (WAIT_AGAIN, b""), (END, struct.pack("=IIIQQ", 1, 0, 0, 0, 0)):
    agent, stone = say(kind, 1, rest)
    assert stone.recv(100) == b""
    agent.close()

# with the right number it waits again, and meets the next agent
agent, stone = say(WAIT_AGAIN, 0)
agent.close()
other = register(AGENT)
assert receive(other)[0] == MATCHED and receive(stone)[0] == MATCHED
SCRIPT
    start foreign unprivileged env PATH=/usr/bin:/bin python3 "$scratch/foreign.py" \
        "$(message_version)"
    ended_well foreign
    assert_back_to_baseline
}

@test "what is no message of the protocol ends that connection and nothing else" {
    with_relay
    cat >garbage.py <<'SCRIPT'
import os, socket, struct

for packet in b"x", b"\0" * 8, struct.pack("=HHI", 1, 99, 8), struct.pack("=HHI", 1, 1, 8), os.urandom(20000):
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stranger.settimeout(60)
    stranger.connect("broker.sock")
    stranger.send(packet)
    try:
        assert stranger.recv(100) == b"", packet
    except ConnectionResetError:
        pass
SCRIPT
    start garbage unprivileged env PATH=/usr/bin:/bin python3 "$scratch/garbage.py"
    ended_well garbage
    wait_until 60 says broker ' bad-message'
    assert_back_to_baseline
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "a broker that is told to stop leaves the line of a live session to the next" {
    with_relay
    start_play lives <<'SCRIPT'
agent, client = session("alice")
client.send(b"x" * 1000)
agent.read(1000)
at_point("live")
client.finish()
agent.rest()
agent.finish()
client.rest()
SCRIPT
    await_point lives live
    stop broker
    says_times broker 0 ' session '
    start_broker
    wait_until 60 all_are_registered
    go_on live
    ended_well lives
    wait_until 60 says broker ' session .* up=1000 down=19 reason=done$'
    says_times broker 1 ' session '
}
