#!/usr/bin/env bats
# A handler that serves one connection after another (handler_uses).
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/sealed

setup_file() {
    make_pki alice bob
}

# with_uses N [LINE...]: a relay whose handlers serve so many.
with_uses() {
    configure "handler_uses = $1" 'tls_timeout = 60' 'head_timeout = 60' "${@:2}"
    start_keyd
    start_broker
    start_relay listen -d
    wait_until 60 spawner_is_attached
}

# ---- it is asked for ------------------------------------------------------------

@test 'handler_uses beyond 1 needs relay-keyd, and each program says so with file and line' {
    local program line
    configure 'handler_uses = 2'
    line=$(grep -n '^handler_uses' relay.conf)
    for program in relay-broker relay-listen relay-handler; do
        run -78 "$scratch/bin/$program" -t -c relay.conf
        [[ $output == "$program: relay.conf:${line%%:*}: handler_uses is more than 1, which needs a keyd line: see relay-keyd(8)" ]]
    done
    run -78 timeout 60 "$scratch/bin/relay-listen" -c relay.conf
    sed -i 's/^handler_uses.*/handler_uses = 1/' relay.conf
    "$scratch/bin/relay-listen" -t -c relay.conf
}

@test 'unless it is asked for, each connection has a process of its own' {
    start_keyd
    start_broker
    start_relay listen -d
    play <<'SCRIPT'
from uses import *
assert len(set(one_after_another(3, 1))) == 3
SCRIPT
    not says relay ' idle '
}

@test 'a handler serves so many connections as it says, and no more' {
    with_uses 3
    play <<'SCRIPT'
from uses import *
a, b, c, d, e, f, g = one_after_another(7, 3)
assert a == b == c != d == e == f != g, (a, b, c, d, e, f, g)
SCRIPT
}

@test 'a handler whose agent was parked serves the next connection' {
    with_uses 2 'park_after = 1'
    play <<'SCRIPT'
from park import *
from uses import *
agent = willing("alice")
pid = handler_of(agent)
leave_tls(agent)
assert lives(agent)
idles(pid)
assert turned_away("bob") == pid
SCRIPT
}

@test 'what has ended while relay-listen was busy serves, before a process is made for it' {
    with_uses 3
    play <<'SCRIPT'
from uses import *
import signal

def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]

def rests(pid, busy):
    """It has closed its connection, and sleeps until it gets another."""
    return len(descriptors(pid)) < len(busy) and state(pid) == "S"

spawner = int(open(f"{SCRATCH}/relay.pid").read())
client = Peer("alice")
client.send(POLL + b"\r\n")
client.head()
pid = handler_of(client)
busy = descriptors(pid)
os.kill(spawner, signal.SIGSTOP)
client.close()
until(lambda: rests(pid, busy))
sock = tcp()  # it finds both at once
os.kill(spawner, signal.SIGCONT)
client = Peer("alice", sock=sock)
client.send(NOTHING)
client.rest()
assert handler_of(client) == pid
SCRIPT
}

# ---- nothing is left of who came before ------------------------------------------

@test 'nothing of one connection is in memory when the next one comes' {
    is_root || skip 'needs root, to read memory'
    needs_plain 'what is freed is kept apart, and shown'
    with_uses 5
    play <<'SCRIPT'
from uses import *
import ssl

# what one session has: heads, bytes each way, certificate, keys, what is logged
KEYS = f"{SCRATCH}/keys"
plain = context
def context(name):
    made = plain(name)
    made.keylog_filename = KEYS
    return made

def needles_of(agent, client):
    with open(f"{SCRATCH}/alice/cert.pem", encoding="ascii") as pem:
        der = ssl.PEM_cert_to_DER_cert(pem.read())
    needles = {"head": b"/secret-path", "field": b"secret-field", "version": b"secret-version",
               "up": b"secret-up", "down": b"secret-down", "certificate": der[-100:-60],
               "subject": b"\x0c\x05alice",
               "stone's address": b"%s:%d" % (CLIENT_ADDRESS.encode(), client.sock.getsockname()[1]),
               "agent's address": b"%s:%d" % (CLIENT_ADDRESS.encode(), agent.sock.getsockname()[1])}
    with open(KEYS, encoding="ascii") as keys:
        for i, line in enumerate(line for line in keys if line[0] != "#"):
            label, _, secret = line.split()
            if not label.startswith("EXPORTER"):
                needles[f"{label} {i}"] = bytes.fromhex(secret)
    needles["identity"] = re.search(r"identity=(\w+)", logged(agent, "agent-waits"))[1].encode()
    return needles

agent = Peer("alice")
agent.send(POLL.replace(b"2 test", b"2 secret-version") + b"\r\n")
agent.head()
client = stone("alice", b"GET /secret-path HTTP/1.1\r\nX-Field: secret-field\r\n\r\n")
head_of_stone(agent)
agent.send(OK)
client.head()
client.send(b"secret-up" * 1000)
agent.read(9000)
agent.send(b"secret-down" * 1000)
client.read(11000)
pids = [handler_of(agent), handler_of(client)]
needles = needles_of(agent, client)
# so they would have been found
alive = set().union(*(in_memory(pid, needles) for pid in pids))
for name in ("head", "field", "version", "up", "down", "certificate", "subject", "identity",
             "stone's address", "agent's address"):
    assert name in alive, (name, alive)
assert any("TRAFFIC_SECRET" in name for name in alive), alive
client.finish()
agent.rest()
agent.finish()
client.rest()
agent.close()
client.close()
for pid in pids:
    idles(pid)
    assert not in_memory(pid, needles), in_memory(pid, needles)

# nor once they serve another
context = plain
again = [poll("bob"), poll("bob")]
assert sorted(map(handler_of, again)) == sorted(pids)
for pid in pids:
    assert not in_memory(pid, needles), in_memory(pid, needles)
SCRIPT
}

@test 'from one connection to the next a handler has the same descriptors, and not more memory' {
    is_root || skip 'needs root, to look'
    with_uses 40
    play <<'SCRIPT'
from uses import *

def memory(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0])

def rounds(count):
    for _ in range(count):
        global turns
        agent, client = session("alice")
        pids = sorted((handler_of(agent), handler_of(client)))
        client.finish()
        agent.rest()
        agent.finish()
        client.rest()
        agent.close()
        client.close()
        turns += 1
        for pid in pids:
            idles(pid, turns)
    return pids

turns = 0
pids = rounds(3)
fds, pages = list(map(descriptors, pids)), list(map(memory, pids))
assert rounds(30) == pids
assert list(map(descriptors, pids)) == fds
assert list(map(memory, pids)) == pages, (list(map(memory, pids)), pages)
SCRIPT
    not says relay ' descriptors-left'
}

# ---- who does not end in order -----------------------------------------------------

@test 'a handler that ended in any other way than in order never serves again' {
    with_uses 100
    play <<'SCRIPT'
from uses import *
seen = set()

def fresh(peer, end):
    """This one's handler has served nobody before, and serves nobody after."""
    pid = handler_of(peer)
    assert pid not in seen, end
    seen.add(pid)
    return pid

def garbage():
    sock = tcp()
    sock.sendall(b"no TLS at all\r\n\r\n")
    sock.recv(4096)
    return sock

for end in ("reset", "cut", "garbage in TLS", "bad head", "early", "kill"):
    peer = poll("alice") if end != "bad head" else Peer("alice")
    if end == "bad head":
        peer.send(b"GET / HTTP/1.1\r\nX-Ver: 2\r\nX-Ver: 2\r\nno colon\r\n\r\n")
        logged(peer, " refused ")
    pid = fresh(peer, end)
    if end == "reset":
        peer.reset()
    elif end == "cut":
        peer.cut()
    elif end == "garbage in TLS":
        peer.sock.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    elif end == "early":
        peer.send(b"too early")
    elif end == "kill":
        os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
for _ in range(3):
    garbage().close()
agent, client = session("alice")
pids = [fresh(agent, "session"), fresh(client, "session")]
client.reset()
for pid in pids:
    until(lambda: gone(pid))
SCRIPT
    says_times relay 0 ' idle '
}

@test 'a handler whose client is kicked, or refused by the broker, is as with one of its own' {
    with_uses 100
    start_play kicked <<'SCRIPT'
from uses import *
pid = turned_away()
idles(pid)
agent = poll("alice")
assert handler_of(agent) == pid
at_point("there")
agent.rest()
until(lambda: gone(pid))
SCRIPT
    await_point kicked there
    bin/relayctl -c relay.conf kick "sha256:$(openssl x509 -in alice/cert.pem -outform DER | sha256sum | cut -d ' ' -f 1)"
    go_on there
    ended_well kicked
}

@test 'the log level is that of now, not that of the connection before' {
    with_uses 100
    play <<'SCRIPT'
from uses import *
idles(turned_away())
SCRIPT
    bin/relayctl -c relay.conf log-level warning
    wait_until 60 says relay ' idle '
    : >relay.log
    play <<'SCRIPT'
peer = Peer("alice")
peer.send(b"GET /KLAB/nothing HTTP/1.1\r\n\r\n")
assert peer.rest().startswith(b"HTTP/1.1 404 ")
peer.close()
SCRIPT
    not says relay ' refused '
}

# ---- reload, drain, and the parent's end ----------------------------------------------

@test 'a reload makes those that idle end, and those that serve after their connection' {
    with_uses 100
    start_play reloaded <<'SCRIPT'
from uses import *
agent = poll("alice")
waits = handler_of(agent)
idle = turned_away()
idles(idle)
at_point("both")
until(lambda: gone(idle))
assert not gone(waits)
agent.close()
until(lambda: gone(waits))
pid = turned_away()
idles(pid)
assert turned_away() == pid
SCRIPT
    await_point reloaded both
    bin/relayctl -c relay.conf reload
    go_on both
    ended_well reloaded
}

@test 'who is revoked is refused by each handler as soon as a reload is done' {
    configure 'crl = crl.pem'
    with_uses 100
    play <<'SCRIPT'
from uses import *
idles(turned_away("alice"))
idles(turned_away("bob"), 2)
SCRIPT
    revoke bob
    bin/relayctl -c relay.conf reload
    play <<'SCRIPT'
from uses import *
idles(turned_away("alice"))
try:
    turned_away("bob")
    raise SystemExit("it got in")
except (ssl.SSLError, ConnectionError, AssertionError):
    pass
idles(turned_away("alice"))
SCRIPT
    says relay ' tls-refused .*reason=certificate_revoked '
}

@test 'a drain ends those that idle' {
    with_uses 100
    play <<'SCRIPT'
from uses import *
idles(turned_away())
SCRIPT
    [ "$(handlers)" -eq 1 ]
    stop relay
}

@test 'the end of relay-listen ends those that idle' {
    with_uses 100
    play <<'SCRIPT'
from uses import *
pid = turned_away()
idles(pid)
parent = int(open(f"{SCRATCH}/relay.pid").read())
os.kill(parent, signal.SIGKILL)
until(lambda: gone(pid))
SCRIPT
    await_end relay || :
}

# bats test_tags=slow
@test 'who has idled for ten seconds ends' {
    with_uses 100
    play <<'SCRIPT'
from uses import *
pid = turned_away()
idles(pid)
start = time.monotonic()
until(lambda: gone(pid))
assert time.monotonic() - start > 5
SCRIPT
}

# ---- limits -----------------------------------------------------------------------------

@test 'a handler that serves its second connection counts as unregistered, and goes where there are too many' {
    with_uses 100 'max_unregistered = 20'
    play <<'SCRIPT'
from uses import *
waiting = poll("alice")
pids = []
for _ in range(2):
    pids.append(turned_away("bob"))
    idles(pids[-1], len(pids))
assert pids[0] == pids[1]
silent = [tcp() for _ in range(60)]
for sock in silent[:39]:
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass
# the first of them had the one that idled
until(lambda: gone(pids[0]))
for sock in silent[-19:]:
    sock.settimeout(0.01)
    try:
        assert sock.recv(1), "ended"
    except TimeoutError:
        pass
client = stone("alice")
head_of_stone(waiting)
SCRIPT
    wait_until 60 says relay ' crowded ended=[0-9]+ unregistered=[0-9]+$'
    says_times relay 0 ' handler-killed '
}

@test 'who has registered by a handler that serves its second connection is no arrival' {
    with_uses 100 'max_unregistered = 5'
    play <<'SCRIPT'
from uses import *
idles(turned_away())
waiting = poll("alice")
silent = [tcp() for _ in range(30)]
for sock in silent[:25]:
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass
client = stone("alice")
head_of_stone(waiting)
SCRIPT
}

# ---- real programs, and xinetd ------------------------------------------------------------

# sessions_pass: over Debian's stone, over our own, sealed and bare, and curl's.
sessions_pass() {
    start_line alice
    client sessions "$stone_port" alice 20 2
    stone_port=$(free_port)
    start_relay_stone own "$(to_relay "localhost:$stone_port")"
    client sessions "$stone_port" alice 20 2
    for _ in 1 2 3; do
        [ "$(curl -s --cacert ca.pem --cert alice/cert.pem --key alice/private.pem -o nothing \
            -w '%{http_code}' "https://127.0.0.1:$relay_port/KLAB/nothing" 3>&-)" = 404 ]
    done
    stop own
    stop_line alice
}

# bats test_tags=slow
@test 'stone, relay-stone, relayagent and curl are served by handlers that serve again' {
    with_uses 50
    sessions_pass
    wait_until 60 says_at_least relay 40 ' idle '
    says relay ' bare '
    not says relay ' descriptors-left'
    # of some 90 connections
    [ "$(grep -oE '\[[0-9]+\]: (matched|refused)' relay.log | sort -u | wc -l)" -lt 40 ]
}
