#!/usr/bin/env bats
# Connections that are nobody's yet: relay-listen has no more than so many of
# them, in all and from one address.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
}

teardown() {
    end_all
}

@test "beyond max_unregistered the oldest silent connection goes, and a line a second says so" {
    configure 'max_unregistered = 20'
    with_relay
    play <<'SCRIPT'
waiting = poll("alice")
silent = [tcp() for _ in range(100)]
for sock in silent[:79]:
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass
for sock in silent[-19:]:
    sock.settimeout(0.01)
    try:
        assert sock.recv(1), "ended"
    except TimeoutError:
        pass
# who is registered is none of them
client = stone("alice")
head_of_stone(waiting)
SCRIPT
    wait_until 60 says relay ' crowded ended=[0-9]+ unregistered=[0-9]+$'
    says_times relay 0 ' handler-killed '
}

@test "beyond max_unregistered_from one address loses its own, and no other" {
    configure 'max_unregistered_from = 10'
    with_relay
    play <<'SCRIPT'
def from_address(address):
    return socket.create_connection(("127.0.0.1", PORT), 60, (address, 0))

other = from_address("127.9.9.9")
silent = [tcp() for _ in range(50)]
for sock in silent[:40]:
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass
other.settimeout(0.2)
try:
    assert other.recv(1), "ended"
except TimeoutError:
    pass
SCRIPT
}

@test "1,500 silent connections are no more processes than max_unregistered" {
    configure 'max_unregistered = 50'
    with_relay
    play <<'SCRIPT'
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
silent = [tcp() for _ in range(1500)]
parent = int(open(f"{SCRATCH}/relay.pid").read())

def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False

def alive():
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        return sum(is_alive(pid) for pid in file.read().split())

def ended(sock):
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
    except BlockingIOError:
        return False

# who has been told to end needs a moment to get there
for sock in silent:
    sock.setblocking(False)
deadline = time.monotonic() + 60
while sum(map(ended, silent)) < 1450:
    assert time.monotonic() < deadline, "more than 50 connections are held"
    time.sleep(0.05)
while alive() > 50:
    assert time.monotonic() < deadline, alive()
    time.sleep(0.05)
assert alive() >= 1
SCRIPT
}

@test "while a flood holds the limit, 50 pairs meet, each within 2 s" {
    configure 'max_unregistered = 200' 'max_unregistered_from = 150'
    with_relay
    start_play flood <<'SCRIPT'
held = []
at = time.monotonic()
while not os.path.exists(f"{SCRATCH}/over"):
    held.append(tcp())
    if len(held) == 200:
        open(f"{SCRATCH}/holds", "w").close()
    if len(held) > 400:
        held.pop(0).close()
    time.sleep(0.005)
SCRIPT
    wait_until 60 [ -e holds ]
    play <<'SCRIPT'
took = []
for _ in range(50):
    start = time.monotonic()
    works("alice")
    took.append(time.monotonic() - start)
took.sort()
print("p50 %.0f ms, p99 %.0f ms" % (took[25] * 1000, took[49] * 1000))
assert in_time(took[49], 2), took
SCRIPT
    : >over
    ended_well flood
    says relay ' crowded '
}

@test "who waited long and has left before it was its turn costs no handler, and a line says how many" {
    with_relay
    play <<'SCRIPT'
parent = int(open(f"{SCRATCH}/relay.pid").read())

def leave(count):
    """So many leave whose turn comes five seconds later, half of them by a reset."""
    os.kill(parent, signal.SIGSTOP)
    for i in range(count):
        sock = tcp()
        if i % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    since = time.monotonic()
    until(lambda: time.monotonic() > since + 5.1)
    stays = tcp()
    os.kill(parent, signal.SIGCONT)
    Peer("alice", sock=stays)

def told():
    with open(RELAY_LOG, encoding="ascii") as log:
        return [int(n) for n in re.findall(r" unserved connections=(\d+)$", log.read(), re.M)]

leave(40)
assert told() == [1]
leave(1)
assert told() == [1, 40]
SCRIPT
    says_times relay 0 ' tls-refused '
}

@test "who leaves soon has a handler, which says who it was" {
    with_relay
    play <<'SCRIPT'
parent = int(open(f"{SCRATCH}/relay.pid").read())
os.kill(parent, signal.SIGSTOP)
sock = tcp()
sock.sendall(b"x")
sock.shutdown(socket.SHUT_WR)
os.kill(parent, signal.SIGCONT)
sock.settimeout(60)
try:
    while sock.recv(100):
        pass
except ConnectionResetError:
    pass
SCRIPT
    wait_until 60 says relay ' tls-refused peer=127[0-9.]+:[0-9]+ '
    not says relay ' unserved '
}
