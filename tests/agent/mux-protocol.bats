#!/usr/bin/env bats
# The agent's side of a multiplexed session, as a stone made by hand finds it: the
# protocol of relay-protocol(7), and what a hostile one can't do.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/shared

setup_file() {
    make_pki alice
}

setup() {
    prepare
    start_broker
    start_relay listen
}

# an_agent KIND [LINE...]: with a target of traffic.py.
an_agent() {
    local kind=$1
    shift
    start_target target "$kind"
    start_waiting_agent agent alice "$target" "$@"
}

# play_frames: the script on stdin with frames.py, and a shared session beside
# it, which nothing may hurt.
play_frames() {
    start_shared stone 1
    answers_with "$stone_port" before
    { echo 'from frames import *' && cat; } | play
    answers_with "$stone_port" unhurt
    says_times stone 0 ' session '
    running agent
}

@test 'a connection is a CONNECT stream: its answer, bytes both ways and ends' {
    an_agent shout
    play_frames <<'END'
h2 = Session(Peer("alice"))
values = h2.settle()
assert values[3] == 256, values # streams
h2.send(connect(1))
assert h2.status(1) == 200
h2.send(frame(DATA, 0, 1, b"hello"))
assert h2.until(DATA, 1)[1] == b"HELLO"
h2.send(frame(DATA, END_STREAM, 1, b"last"))
flags, last = h2.until(DATA, 1)
if not flags & END_STREAM:
    flags, more = h2.until(DATA, 1)
    last += more
assert last == b"LAST" and flags & END_STREAM, (last, flags)
h2.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR)))
assert h2.goaway() == NO_ERROR
assert h2.peer.ended == "clean"
END
    wait_until 60 says agent ' session in=[0-9]+ streams=1 reason=done client=127'
}

@test 'bytes that come ahead of the answer are kept, and pieces are of any size' {
    an_agent shout
    play_frames <<'END'
h2 = Session(Peer("alice"), None)
for byte in PREFACE + frame(SETTINGS, 0, 0) + connect(1) + frame(DATA, 0, 1, b"early"):
    h2.peer.send(bytes([byte]))
assert h2.status(1) == 200
assert h2.until(DATA, 1)[1] == b"EARLY"
h2.peer.close()
END
}

@test 'refusals: another method, a service that there is not, one that is too long' {
    an_agent shout
    play_frames <<'END'
h2 = Session(Peer("alice"))
h2.settle()
h2.send(frame(HEADERS, END_HEADERS, 1, b"\x82\x86\x84" + field(1, b"*")))
assert b"405" in h2.status(1)
assert h2.code(1) == NO_ERROR
for stream, service in (3, b"none"), (5, b"x" * 64):
    h2.send(connect(stream, service))
    assert b"404" in h2.status(stream)
    assert h2.code(stream) == NO_ERROR
h2.send(connect(7))
assert h2.status(7) == 200
h2.peer.close()
END
}

@test 'a stream that is reset without an error is no clean end for the target' {
    an_agent shout
    play_frames <<'END'
h2 = Session(Peer("alice"))
h2.settle()
h2.send(connect(1))
assert h2.status(1) == 200
h2.send(frame(DATA, 0, 1, b"half of it"), reset(1, NO_ERROR))
until(lambda: "error at=" in open(f"{SCRATCH}/target.log").read())
h2.send(connect(3))
assert h2.status(3) == 200
h2.send(frame(DATA, 0, 3, b"half of it"))
h2.until(DATA, 3)
h2.peer.finish() # with a stream open
until(lambda: open(f"{SCRATCH}/target.log").read().count("error at=") == 2)
END
    says_times target 2 '^clean end' # of the connections before and after
}

@test 'a target that resets is CONNECT_ERROR' {
    start_target target resets 300 asked
    start_waiting_agent agent alice "$target"
    { echo 'from frames import *' && cat; } <<'END' | play
h2 = Session(Peer("alice"))
h2.send(connect(1))
assert h2.status(1) == 200
h2.send(frame(DATA, 0, 1, b"x"))
assert h2.code(1) == CONNECT_ERROR
END
}

@test 'beyond --max-streams: REFUSED_STREAM, and for one that was told the end' {
    an_agent shout '--max-streams 4'
    play_frames <<'END'
h2 = Session(Peer("alice"), PREFACE + frame(SETTINGS, 0, 0) +
             b"".join(connect(stream) for stream in (1, 3, 5, 7, 9)))
assert h2.code(9) == REFUSED_STREAM
assert h2.status(7) == 200
h2.peer.close()
h2 = Session(Peer("alice"))
assert h2.settle()[3] == 4
h2.send(*(connect(stream) for stream in (1, 3, 5, 7, 9)))
assert h2.goaway() == PROTOCOL_ERROR
END
}

@test 'bad frames end their session with GOAWAY, and hurt no other' {
    an_agent shout '-m 8:8'
    play_frames <<'END'
def broken(code, *frames, preface=PREFACE + frame(SETTINGS, 0, 0)):
    h2 = Session(Peer("alice"), preface)
    h2.send(*frames)
    got = h2.goaway()
    assert got in (code if isinstance(code, tuple) else (code,)), (frames, got)

broken(PROTOCOL_ERROR, preface=b"GET / HTTP/1.1\r\nHost: there\r\n\r\n") # no preface
broken(PROTOCOL_ERROR, frame(PING, 0, 0, b"12345678"), preface=PREFACE) # no SETTINGS first
broken(PROTOCOL_ERROR, frame(DATA, 0, 0, b"x")) # on the connection
broken(PROTOCOL_ERROR, frame(DATA, 0, 1, b"x")) # of an idle stream
broken(PROTOCOL_ERROR, connect(2)) # an even number
broken(PROTOCOL_ERROR, connect(1, flags=0), frame(PING, 0, 0, b"12345678")) # inside a block
broken(PROTOCOL_ERROR, frame(CONTINUATION, END_HEADERS, 1, b"")) # without a block
broken(PROTOCOL_ERROR, frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2"))
broken(PROTOCOL_ERROR, connect(1), frame(DATA, 8, 1, b"\x09ab")) # padding beyond the frame
broken(PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0)))
broken(3, frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff))) # too large: FLOW_CONTROL_ERROR
broken((PROTOCOL_ERROR, 3), settings(window=0x80000000))
broken(PROTOCOL_ERROR, settings(frame=100))
broken(FRAME_SIZE_ERROR, frame(SETTINGS, 0, 0, b"abc"))
broken(FRAME_SIZE_ERROR, frame(PING, 0, 0, b"1234"))
broken(FRAME_SIZE_ERROR, frame(RST_STREAM, 0, 1, b"12"))
broken(FRAME_SIZE_ERROR, struct.pack(">I", 100000)[1:] + b"\0\0\0\0\0\1")
broken(9, frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff")) # COMPRESSION_ERROR
END
    wait_until 60 says agent ' session in=[0-9]+ streams=[01] reason=relay-error error=the_other_side_is_wrong:_'
}

@test 'for targets that read nothing the kernel holds little' {
    local port
    port=$(free_port)
    echo "$port" >port
    start_waiting_agent agent alice "127.0.0.1:$port"
    { echo 'from frames import *' && cat; } <<'END' | play
import re, socket, subprocess
port = int(open(f"{SCRATCH}/port").read())
listener = socket.create_server(("127.0.0.1", port))
h2 = Session(Peer("alice"))
h2.settle()
targets = []
for n in range(1, 17, 2):
    h2.send(connect(n))
    assert h2.status(n) == 200
    targets.append(listener.accept()[0])
for n in range(1, 17, 2):
    h2.send(*[frame(DATA, 0, n, bytes(16384))] * 64)
h2.send(frame(PING, 0, 0, b"taken in"))
h2.until(PING)
listing = subprocess.run(["ss", "-tnH", f"dport = :{port}"], stdout=subprocess.PIPE, check=True).stdout.decode()
queues = [int(line.split()[2]) for line in listing.splitlines()]
assert len(queues) == 8 and max(queues) <= 320 * 1024, queues
# and it all arrives
for n, target in enumerate(targets):
    left = 1 << 20
    while left > 0:
        left -= len(target.recv(65536))
END
}

# bats test_tags=slow
@test 'floods of PING, SETTINGS, resets, streams and fields end their session' {
    an_agent shout '-m 8:8'
    play_frames <<'END'
def flooded(sends):
    """Sends and reads nothing until the agent is through with us."""
    before = broken()
    h2 = Session(Peer("alice"))
    try:
        for data in sends:
            h2.send(data)
        while not h2.peer.ended:
            h2.next()
    except (OSError, AssertionError):
        pass
    until(lambda: broken() == before + 1, 20)

def broken():
    with open(f"{SCRATCH}/agent.log") as log:
        return log.read().count(" reason=relay-error ")

flooded([frame(PING, 0, 0, b"12345678") * 500] * 1000)
flooded([frame(SETTINGS, 0, 0) * 500] * 1000)
flooded(connect(n, b"none") + reset(n, 8) for n in range(1, 100000, 2))
END
}

@test 'frames that bring nothing on are bounded: PRIORITY, empty DATA, padding, updates of 1' {
    an_agent shout '-m 8:8'
    play_frames <<'END'
def calmed(*frames, first=b""):
    """So many frames are too many, and a twentieth of them is not."""
    h2 = Session(Peer("alice"))
    h2.settle()
    h2.send(connect(1))
    assert h2.status(1) == 200
    h2.send(first, *frames * 250, frame(PING, 0, 0, b"too few!"))
    h2.until(PING)
    h2.send(*frames * 6000)
    assert h2.goaway() == ENHANCE_YOUR_CALM, frames

calmed(frame(PRIORITY, 0, 3, b"\0\0\0\0\x10"))
calmed(frame(99, 0, 1, b"a kind that nobody knows"))
calmed(frame(DATA, 0, 1))
calmed(frame(DATA, 8, 1, b"\0"))
calmed(frame(DATA, 8, 1, b"\x04a" + bytes(4)))
calmed(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)))
calmed(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)))
calmed(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)), first=reset(1, 8)) # it is closed
END
    wait_until 60 says agent ' session .* reason=relay-error error=frames_that_bring_nothing_on'
}

@test 'streams that are opened and reset at once are bounded' {
    an_agent shout '-m 8:8'
    play_frames <<'END'
h2 = Session(Peer("alice"))
h2.settle()
try:
    for n in range(1, 40001, 2):
        h2.send(connect(n, b"none") + reset(n, 8))
except OSError:
    pass
h2.peer.end()
with open(f"{SCRATCH}/agent.log") as log:
    refused = log.read().count(" no-such-service ")
assert 0 < refused <= 2500, refused
END
}

@test 'what relay-protocol says of frames that are passed over' {
    an_agent shout '-m 8:8'
    play_frames <<'END'
h2 = Session(Peer("alice"))
h2.settle()
h2.send(connect(1))
assert h2.status(1) == 200
h2.send(reset(1, 8), frame(DATA, 0, 1, b"late"), frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), reset(1, 8))
h2.send(frame(PRIORITY, 0, 3, b"\0\0\0\3\x10")) # on itself
h2.send(connect(5))
assert h2.status(5) == 200
h2.send(frame(PRIORITY, 0, 0, b"\0\0\0\1\x10"))
assert h2.goaway() == PROTOCOL_ERROR
h2 = Session(Peer("alice"))
h2.settle()
h2.send(frame(HEADERS, END_HEADERS, 1, bytes(65537)))
assert h2.goaway() == FRAME_SIZE_ERROR
END
}

@test 'header fields without end: the stream is reset, or the session ends' {
    an_agent shout
    play_frames <<'END'
h2 = Session(Peer("alice"))
h2.settle()
h2.send(frame(HEADERS, END_HEADERS, 1, field(2, b"CONNECT") + field(1, b"*") +
              b"".join(field(b"x-%d" % n, b"v" * 100) for n in range(100))))
h2.code(1)
h2.send(connect(3))
assert h2.status(3) == 200
h2.send(connect(5, flags=0), *[frame(CONTINUATION, 0, 5, field(b"x", b"y" * 100) * 100)] * 50)
h2.goaway()
END
}
