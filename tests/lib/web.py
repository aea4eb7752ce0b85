"""A web server for the tests, which shows what arrives.

"web.py PORT|PATH HOST LOG" answers requests whose Host is HOST (any, where HOST
is "*") and 421 to others; a PATH is a Unix socket. Each head that arrives is
appended to LOG.

    /            a page with two images, and a script that talks to /socket
    /image/N     one of them
    /echo        the body of the request
    /head        the head of the request, as it arrived
    /bytes/N     N bytes
    /sleep/N     an answer after N seconds
    /socket      a WebSocket that echoes
    /result?...  what the page's script found; the log has it
"""

import base64
import hashlib
import os
import socket
import socketserver
import struct
import sys
import time
import zlib

ALLOWED = sys.argv[2]
LOG = sys.argv[3]

PAGE = b"""<!DOCTYPE html><title>intra</title><link rel="icon" href="data:,">
<img src="/image/1"><img src="/image/2">
<script>
addEventListener("load", () => {
    const images = [...document.images].filter(i => i.naturalWidth == 3).length;
    const socket = new WebSocket("wss://" + location.host + "/socket");
    const tell = what => fetch("/result?images=" + images + "&socket=" + what)
        .then(() => { document.title = "told"; });
    socket.onopen = () => socket.send("there and back");
    socket.onmessage = e => { socket.close(); tell(encodeURIComponent(e.data)); };
    socket.onerror = () => tell("failed");
});
</script>
"""


def image(number):
    """A PNG of 3 x 3 points."""

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = b"".join(b"\0" + bytes([number * 80, 0, 0]) * 3 for _ in range(3))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


class Server(socketserver.StreamRequestHandler):
    def read_head(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if not line:
                return None
            lines.append(line)
            if line == b"\r\n":
                return b"".join(lines)

    def read_body(self, fields):
        if fields.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fields.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(fields.get("content-length", 0)))
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            data = self.rfile.read(size)
            assert self.rfile.readline() == b"\r\n"
            if size == 0:
                return body
            body += data

    def answer(self, body, status="200 OK", kind="text/plain", without_body=False):
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + (b"" if without_body else body))

    def web_socket(self, key):
        accept = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n"
        )
        while True:
            first = self.rfile.read(2)
            if len(first) < 2:
                return
            length = first[1] & 0x7F
            if length == 126:
                length = struct.unpack(">H", self.rfile.read(2))[0]
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(length)))
            size = bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length)
            self.wfile.write(first[:1] + size + data)
            if first[0] & 0x0F == 8:
                return

    def serve(self, head):
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = {n.lower(): v.strip() for n, _, v in (f.partition(":") for f in lines[1:] if f)}
        with open(LOG, "a", encoding="latin-1") as log:
            log.write(head.decode("latin-1"))
        if ALLOWED not in ("*", fields.get("host")):
            return self.answer(b"no such host\n", "421 Misdirected Request")
        if target == "/socket" and fields.get("upgrade", "").lower() == "websocket":
            self.web_socket(fields["sec-websocket-key"])
            return False
        body = self.read_body(fields)
        kind, answer = "text/plain", target.encode() + b"\n"
        if target == "/":
            kind, answer = "text/html", PAGE
        elif target.startswith("/image/"):
            kind, answer = "image/png", image(int(target[-1]))
        elif target == "/echo":
            answer = body
        elif target == "/head":
            answer = head
        elif target.startswith("/bytes/"):
            answer = b"x" * int(target[7:])
        elif target.startswith("/sleep/"):
            time.sleep(float(target[7:]))
        self.answer(answer, kind=kind, without_body=method == "HEAD")
        return fields.get("connection", "").lower() != "close"

    def handle(self):
        try:
            while head := self.read_head():
                if self.serve(head) is False:
                    return
        except ConnectionError:
            pass


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if sys.argv[1].isdigit():
    Tcp(("127.0.0.1", int(sys.argv[1])), Server).serve_forever()
else:
    os.umask(0)
    Unix(sys.argv[1], Server).serve_forever()
