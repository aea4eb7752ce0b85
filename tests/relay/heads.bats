#!/usr/bin/env bats
# The request head: what is taken, what is refused and how, and the deadlines
# for those who are slow with theirs.
#
# shellcheck disable=SC2154

load ../lib/helpers

setup_file() {
    make_pki alice bob
}

# ---- sizes ----

@test "a poll's head may have 8 KiB and not a byte more" {
    with_relay
    play <<'SCRIPT'
def padded(length):
    start = POLL + b"X-Padding: "
    return start + b"x" * (length - len(start) - 4) + b"\r\n\r\n"

for length in 8191, 8192:
    agent = Peer("alice")
    agent.send(padded(length))
    assert agent.head().startswith(b"HTTP/1.1 200 "), length
    agent.close()
refused(padded(8193), 431, "Request head longer than 8 KiB")
refused(padded(12000), 431, "Request head longer than 8 KiB")
refused(b"x" * 8192, 431, "Request head longer than 8 KiB")
SCRIPT
}

@test "a stone's head may have 8 KiB and not a byte more, and bytes behind it are kept" {
    with_relay
    play <<'SCRIPT'
def padded(length):
    start = b"GET / HTTP/1.1\r\nX-Padding: "
    return start + b"x" * (length - len(start) - 4) + b"\r\n\r\n"

payload = bytes(range(256)) * 40
for length in 8191, 8192:
    agent = poll("alice")
    client = stone("alice", padded(length) + payload)
    head = head_of_stone(agent)
    assert head.startswith(padded(length)[:-2]), length
    agent.send(OK)
    assert agent.read(len(payload)) == payload, length
    client.close()
    agent.close()
refused(padded(8193), 431, "Request head longer than 8 KiB")
refused(padded(8193) + payload, 431, "Request head longer than 8 KiB")
SCRIPT
}

@test "a head may have 64 lines and not one more" {
    with_relay
    play <<'SCRIPT'
def lines(count):
    return POLL + b"X-Line: 1\r\n" * (count - 2) + b"\r\n"

for count in 63, 64:
    agent = Peer("alice")
    agent.send(lines(count))
    assert agent.head().startswith(b"HTTP/1.1 200 "), count
    agent.close()
refused(lines(65), 431, "More than 64 lines in the request head")
refused(lines(65).replace(b"\r\n", b"\n"), 431, "More than 64 lines in the request head")
SCRIPT
}

# ---- pieces ----

@test "a poll's head may come in pieces, wherever it is split" {
    with_relay
    play <<'SCRIPT'
head = POLL + b"\r\n"
for at in range(1, len(head)):
    agent = Peer("alice")
    agent.send(head[:at])
    agent.send(head[at:])
    assert agent.head().startswith(b"HTTP/1.1 200 "), at
    agent.close()
agent = Peer("alice")
agent.send_bytes(head)
assert agent.head().startswith(b"HTTP/1.1 200 ")
agent.close()
SCRIPT
}

@test "a stone's head may come a byte at a time, and so may what follows" {
    with_relay
    play <<'SCRIPT'
agent = poll("alice")
client = Peer("alice")
client.send_bytes(GET + b"payload")
assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: %s\r\n\r\n" % CLIENT_ADDRESS.encode()
agent.send_bytes(OK + b"answer")
assert agent.read(7) == b"payload"
assert client.head() == OK
assert client.read(6) == b"answer"
client.close()
agent.close()
SCRIPT
}

# ---- what is not a head ----

@test "a malformed head is refused with a reason, and with one line in the log" {
    with_relay
    play <<'SCRIPT'
fields = "Malformed field in the request head"
for role in b"GET / HTTP/1.1\r\n", POLL:
    refused(role + b"X: a\0b\r\n\r\n", 400, "NUL in the request head")
    refused(role + b"X: a\rb\r\n\r\n", 400, "Bare CR in the request head")
    refused(role + b"X: a\r\r\n\r\n", 400, "Bare CR in the request head")
    refused(role + b"X: a\x1bb\r\n\r\n", 400, "Control character in the request head")
    refused(role + b"X: a\x7fb\r\n\r\n", 400, "Control character in the request head")
    refused(role + b"X: a\r\n b\r\n\r\n", 400, "Folded line in the request head")
    refused(role + b"X: a\r\n\tb\r\n\r\n", 400, "Folded line in the request head")
    refused(role + b": a\r\n\r\n", 400, fields)
    refused(role + b"X : a\r\n\r\n", 400, fields)
    refused(role + b"X Y: a\r\n\r\n", 400, fields)
    refused(role + b"X\r\n\r\n", 400, fields)
    refused(role + b"X\xe9: a\r\n\r\n", 400, fields)
for line in (b"GET /", b"GET  HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/2.0", b"GET / http/1.1",
             b"GET /a b HTTP/1.1", b"GET\t/\tHTTP/1.1", b"G(T / HTTP/1.1", b"hello"):
    refused(line + b"\r\n\r\n", 400, "Malformed request line")
SCRIPT
}

@test "NUL and bare CR are refused in the request line, too" {
    with_relay
    play <<'SCRIPT'
refused(b"GET /\0 HTTP/1.1\r\n\r\n", 400, "NUL in the request head")
refused(b"GET /\r HTTP/1.1\r\n\r\n", 400, "Bare CR in the request head")
SCRIPT
}

@test "a poll must say X-Ver 2, once, and is told which versions are served" {
    with_relay
    play <<'SCRIPT'
poll_line = b"GET /KLAB/poll HTTP/1.1\r\n"
served = "X-Ver is not served; this relay serves X-Ver 2"
refused(poll_line + b"\r\n", 400, "X-Ver is missing; this relay serves X-Ver 2")
refused(poll_line + b"X-Ver: 1\r\n\r\n", 400, served)
refused(poll_line + b"X-Ver: 1 2\r\n\r\n", 400, served)
refused(poll_line + b"X-Ver: 22\r\n\r\n", 400, served)
refused(poll_line + b"X-Ver:\r\n\r\n", 400, served)
refused(poll_line + b"X-Ver: 2\r\nX-Ver: 2\r\n\r\n", 400, "X-Ver is given twice")
refused(poll_line + b"X-Ver: 2\r\nx-ver: 1\r\n\r\n", 400, "X-Ver is given twice")
for version in b"X-Ver: 2", b"x-ver:2", b"X-VER: \t2 0.1.0 \t":
    agent = Peer("alice")
    agent.send(poll_line + version + b"\r\n\r\n")
    assert agent.head().startswith(b"HTTP/1.1 200 "), version
    agent.close()
SCRIPT
}

@test "X-Agent is 1 to 16 hex digits, once, and a poll's alone" {
    with_relay
    play <<'SCRIPT'
for value in b"", b"0", b"g", b"0x1", b"00112233445566778":
    refused(POLL + b"X-Agent: " + value + b"\r\n\r\n", 400, "X-Agent is not 1 to 16 hex digits")
refused(POLL + b"X-Agent: 1\r\nX-Agent: 1\r\n\r\n", 400, "X-Agent is given twice")
poll("alice", b"X-Agent: 00ff").close()
agent = poll("alice", b"x-agent:ffffffffffffffff")
client = stone("alice", b"GET / HTTP/1.1\r\nX-Agent: of another kind\r\n\r\n")
assert b"\r\nX-Agent: of another kind\r\n" in head_of_stone(agent)
client.close()
agent.close()
SCRIPT
}

@test "a poll with data behind its head is refused, but for empty lines" {
    with_relay
    play <<'SCRIPT'
refused(POLL + b"\r\ndata", 400, "Data behind the poll")
agent = Peer("alice")
agent.send(POLL + b"\r\n\r\n\n")
assert agent.head().startswith(b"HTTP/1.1 200 ")
agent.close()
SCRIPT
}

@test "bare LF ends a line as well as CRLF does" {
    with_relay
    play <<'SCRIPT'
agent = Peer("alice")
agent.send(b"GET /KLAB/poll HTTP/1.1\nX-Ver: 2\n\n")
assert agent.head().startswith(b"HTTP/1.1 200 ")
client = stone("alice", b"GET / HTTP/1.1\nX: y\r\n\n")
head = head_of_stone(agent)
assert head.startswith(b"GET / HTTP/1.1\nX: y\r\nX-Forwarded-For: "), head
agent.send(OK)
assert client.head() == OK
client.close()
agent.close()
SCRIPT
}

@test "empty lines before the request line are skipped" {
    with_relay
    play <<'SCRIPT'
agent = Peer("alice")
agent.send(b"\r\n\n\r\n" + POLL + b"\r\n")
assert agent.head().startswith(b"HTTP/1.1 200 ")
client = stone("alice", b"\r\n\n" + GET)
assert head_of_stone(agent).startswith(b"GET / HTTP/1.1\r\nX-Forwarded-For: ")
client.close()
agent.close()
SCRIPT
}

# ---- roles ----

@test "below /KLAB/ there is nothing but poll, and the page at /KLAB/ itself" {
    with_relay
    play <<'SCRIPT'
for path in b"/KLAB/index.html", b"/KLAB/?", b"/KLAB//", b"/KLAB/other", b"/KLAB/poll/", b"/KLAB/poll?x":
    refused(b"GET " + path + b" HTTP/1.1\r\nX-Ver: 2\r\n\r\n", 404, "Below /KLAB/ there is only poll")
SCRIPT
}

@test "every other method and path is a stone's" {
    with_relay
    play <<'SCRIPT'
for line in (b"GET /klab/poll HTTP/1.1", b"POST /KLAB/poll HTTP/1.1", b"GET /KLAB HTTP/1.0",
             b"OPTIONS * HTTP/1.1", b"CONNECT intra:22 HTTP/1.1", b"GET http://intra/ HTTP/1.1"):
    agent = poll("alice")
    client = stone("alice", line + b"\r\n\r\n")
    assert head_of_stone(agent).startswith(line + b"\r\n"), line
    client.close()
    agent.close()
SCRIPT
}

@test "a refusal has a body only where the request has a Host and is no HEAD" {
    with_relay 'match_timeout = 1'
    play <<'SCRIPT'
reason = "Below /KLAB/ there is only poll"
line = b"GET /KLAB/x HTTP/1.1\r\n"
answer = refused(line + b"\r\n", 404, reason)
assert "\r\nContent-Length: 0\r\n" in answer and answer.endswith("\r\n\r\n"), answer
answer = refused(line + b"Host: relay\r\n\r\n", 404, reason)
assert f"\r\nContent-Length: {len(reason) + 1}\r\n" in answer, answer
assert "\r\nContent-Type: text/plain\r\n" in answer, answer
assert answer.endswith(f"\r\n\r\n{reason}\n"), answer
answer = refused(b"HEAD / HTTP/1.1\r\nHost: relay\r\n\r\n", 503, "No agent is there for this certificate")
assert answer.endswith("\r\n\r\n"), answer
SCRIPT
}

@test "the relay writes X-Forwarded-For and removes any that the client sent" {
    with_relay
    play <<'SCRIPT'
agent = poll("alice")
client = stone("alice", b"GET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\nHost: a\r\n"
               b"x-forwarded-FOR:10.0.0.2\r\nX-Forwarded-Forever: b\r\n\r\n")
head = head_of_stone(agent)
assert head == (b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Forever: b\r\n"
                b"X-Forwarded-For: %s\r\n\r\n" % CLIENT_ADDRESS.encode()), head
client.close()
agent.close()
SCRIPT
}

# ---- the slow ----

@test "the deadlines for the handshake and for the head are totals" {
    with_relay 'tls_timeout = 2' 'head_timeout = 2'
    play <<'SCRIPT'
def closed_by_relay(sock):
    """Whether the relay has ended this TCP connection."""
    try:
        return sock.recv(65536, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True

def no_handshake(dribble):
    sock = tcp()
    name = "peer=%s:%d " % sock.getsockname()
    start = time.monotonic()
    hello = iter(b"\x16\x03\x01\x02\x00\x01" + bytes(100))
    while not closed_by_relay(sock):
        assert in_time(time.monotonic() - start, 6)
        if dribble:
            try:
                sock.send(bytes([next(hello)]))
            except OSError:
                pass
        time.sleep(0.5)
    assert time.monotonic() - start > 1.9
    with open(RELAY_LOG, encoding="ascii") as log:
        lines = [line for line in log if name in line + " "]
    assert len(lines) == 1 and "tls-refused " in lines[0], lines
    assert "reason=handshake_timed_out" in lines[0], lines

def no_head(dribble):
    peer = Peer("alice")
    start = time.monotonic()
    head = iter(GET[:-2] + b"X: " + b"x" * 100)
    while not peer.ended:
        assert in_time(time.monotonic() - start, 6)
        if dribble:
            try:
                peer.send(bytes([next(head)]))
            except OSError:
                pass
        try:
            peer._receive(time.monotonic() + 0.5)
        except TimeoutError:
            pass
    assert time.monotonic() - start > 1.9
    assert peer.got.startswith(b"HTTP/1.1 408 No request head in time\r\n"), peer.got
    logged(peer, "refused status=408 ")

in_threads(lambda slow: slow(), lambda: no_handshake(False), lambda: no_handshake(True),
           lambda: no_head(False), lambda: no_head(True))
SCRIPT
    # those who are in time are not held to it
    play <<'SCRIPT'
agent, client = session("bob")
assert agent.silent(2.5)
client.send(b"still there")
assert agent.read(11) == b"still there"
client.close()
agent.close()
SCRIPT
}

@test "500 clients that say nothing or a byte a second do not delay an honest pair" {
    with_relay 'tls_timeout = 30' 'head_timeout = 30'
    take_baseline
    play <<'SCRIPT'
silent = [tcp() for _ in range(250)]
slow = []
in_threads(lambda _: slow.extend(Peer("bob") for _ in range(63)), *range(4))
del slow[250:]
stop = threading.Event()

def dribble():
    for byte in GET:
        for peer in slow:
            peer.send(bytes([byte]))
        if stop.wait(1):
            return

dribbling = threading.Thread(target=dribble)
dribbling.start()
until(lambda: len(os.listdir("/proc/self/fd")) > 500)
for _ in range(3):
    start = time.monotonic()
    agent, client = session("alice")
    client.send(b"honest")
    assert agent.read(6) == b"honest"
    took = time.monotonic() - start
    assert in_time(took, 2)
    client.close()
    agent.close()
stop.set()
dribbling.join()
SCRIPT
    assert_back_to_baseline
}
