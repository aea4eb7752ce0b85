"""HTTP/2 by hand, for scripts of peer.py: a stone that multiplexes (RFC 9113).

Header blocks are literals without Huffman code, RFC 7541 6.2.2, and what comes
back is only looked into as far as the tests need.
"""

import struct

ASK = b"GET / HTTP/1.1\r\nX-Mux: h2\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, FRAME_SIZE_ERROR, REFUSED_STREAM, CONNECT_ERROR, ENHANCE_YOUR_CALM = \
    0, 1, 6, 7, 10, 11


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field(name, value):
    """name: an index of the static table, or bytes."""
    start = bytes([name]) if isinstance(name, int) else b"\0" + bytes([len(name)]) + name
    assert len(value) < 127
    return start + bytes([len(value)]) + value


def connect(stream, authority=b"*", flags=END_HEADERS):
    return frame(HEADERS, flags, stream, field(2, b"CONNECT") + field(1, authority))


def reset(stream, code):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(**values):
    names = {"streams": 3, "window": 4, "frame": 5}
    return frame(SETTINGS, 0, 0, b"".join(
        struct.pack(">HI", names[name], value) for name, value in values.items()))


class Session:
    """A peer's side of a multiplexed session that has had its answer."""

    def __init__(self, peer, preface=PREFACE + frame(SETTINGS, 0, 0)):
        self.peer = peer
        peer.send(ASK)
        answer = peer.head()
        assert answer == b"HTTP/1.1 200 OK\r\nX-Mux: h2\r\n\r\n", answer
        if preface:
            peer.send(preface)

    def send(self, *frames):
        self.peer.send(b"".join(frames))

    def next(self):
        """The next frame: kind, flags, stream, payload."""
        head = self.peer.read(9)
        size = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return kind, flags, stream, self.peer.read(size)

    def until(self, kind, stream=None):
        """Reads on to the next frame of that kind, on that stream; returns flags and payload."""
        while True:
            got, flags, where, payload = self.next()
            assert kind == GOAWAY or got != GOAWAY, payload
            if got == kind and stream in (None, where):
                if kind != SETTINGS or not flags & ACK:
                    return flags, payload

    def settle(self):
        """Both sides have the other's settings, and we said so."""
        values = self.until(SETTINGS)[1]
        self.send(frame(SETTINGS, ACK, 0), frame(PING, 0, 0, b"settled!"))
        self.until(PING)
        return {kind: value for kind, value in struct.iter_unpack(">HI", values)}

    def status(self, stream):
        """Of the answer to CONNECT: 200, from the static table, or a block that names another."""
        block = self.until(HEADERS, stream)[1]
        if block[0] == 0x8d:
            return b"404"
        return 200 if block[0] == 0x88 else block

    def code(self, stream):
        """With which the stream is reset."""
        return struct.unpack(">I", self.until(RST_STREAM, stream)[1])[0]

    def goaway(self):
        """The code with which the session ends; nothing but its end follows."""
        code = struct.unpack(">II", self.until(GOAWAY)[1][:8])[1]
        self.peer.end()
        return code
