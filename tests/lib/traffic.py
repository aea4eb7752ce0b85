"""Targets behind an agent, and the clients of a stone that talk to them.

    traffic.py target KIND PORT [ARGUMENT...]
    traffic.py client KIND PORT [ARGUMENT...]

A target listens on 127.0.0.1 and prints a line for what it sees:

    whole NAME             answers the clients "session" and "sessions"
    web                    a web server whose page shows the request
    shout                  gives back what comes, in capitals
    resets BYTES [asked]   sends so many, the first as a page without a length,
                           and resets the connection; "asked": once it has got
                           a byte
    full                   has a full backlog: a connect hangs

A client connects to 127.0.0.1, and fails where not all is as it should be:

    session NAME UP DOWN   sends UP random bytes to the target called NAME
                           while that sends DOWN; both compare SHA-256
    session NAME POINT     bytes go both ways until the test goes on from POINT
    sessions NAME COUNT AT_ONCE
                           so many, of random sizes up to 1 MiB

Either:

    ends-first BYTES       sends so many and the end, then takes all to the end
    ends-last BYTES        takes all to the end, then sends so many and the end
"""

import hashlib
import os
import random
import socket
import struct
import sys
import threading
import time

CHUNK = 65536
FRAME = struct.Struct(">I")


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


class Ended(Exception):
    """The stream is over before all has come."""


# ---- frames: a length and so many bytes; none is the end ----


def receive(sock, length):
    data = bytearray()
    while len(data) < length:
        part = sock.recv(min(length - len(data), 262144))
        if not part:
            raise Ended
        data += part
    return bytes(data)


def receive_frame(sock):
    return receive(sock, FRAME.unpack(receive(sock, FRAME.size))[0])


def send_frame(sock, data):
    sock.sendall(FRAME.pack(len(data)) + data)


class Half:
    """One direction: how much has gone, and its digest."""

    def __init__(self):
        self.bytes = 0
        self.digest = hashlib.sha256()

    def add(self, data):
        self.bytes += len(data)
        self.digest.update(data)


def send_half(sock, half, size, goes_on):
    """Sends size random bytes, and more at an easy pace while goes_on()."""
    while half.bytes < size or goes_on():
        if half.bytes < size:
            data = os.urandom(min(CHUNK, size - half.bytes))
        else:
            data = os.urandom(8192)
            time.sleep(0.002)
        half.add(data)
        send_frame(sock, data)
    send_frame(sock, b"")
    sock.sendall(half.digest.digest())


class Sender(threading.Thread):
    """Sends a half on the side."""

    def __init__(self, sock, half, size, goes_on):
        super().__init__(daemon=True)
        self.failure = None
        self.arguments = sock, half, size, goes_on
        self.start()

    def run(self):
        try:
            send_half(*self.arguments)
        except OSError as failure:
            # the socket tells of a reset once: whoever receives gets an end
            self.failure = failure


def receive_half(sock, half):
    """Returns whether what came is what was sent."""
    while True:
        data = receive_frame(sock)
        if not data:
            return receive(sock, 32) == half.digest.digest()
        half.add(data)


# ---- targets ----


def serve(port, one):
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    while True:
        sock = listener.accept()[0]
        threading.Thread(target=serve_one, args=(one, sock), daemon=True).start()


def serve_one(one, sock):
    try:
        one(sock)
    except Ended:
        say("clean end", "at=%.3f" % time.time())
    except OSError as error:
        say("error", "at=%.3f" % time.time(), error)
    sock.close()


def shout(sock):
    while True:
        data = sock.recv(262144)
        if not data:
            raise Ended
        sock.sendall(data.upper())


def whole(sock, name):
    wanted, down = receive_frame(sock).decode().split()
    say("session", "of=" + wanted)
    send_frame(sock, name.encode())
    endless = down == "-"
    sent, got, ended = Half(), Half(), threading.Event()
    sender = Sender(sock, sent, 0 if endless else int(down), lambda: endless and not ended.is_set())
    try:
        same = receive_half(sock, got)
    except OSError:
        raise
    except Ended as error:
        ended.set()
        sender.join(2)  # as in session()
        raise sender.failure or error
    finally:
        ended.set()
        sender.join()
    same = same and wanted == name
    sock.sendall(b"same" if same else b"else")
    say("whole" if same else "spoilt", "up=%d" % got.bytes, "down=%d" % sent.bytes)
    if sock.recv(1):
        say("spoilt", "more than was sent")


def web(port):
    import http.server  # takes longer than all the others together

    class Page(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            length = int(self.headers.get("Content-Length", 0))
            page = "<h1>intra</h1>\n%s\n%s\n" % (self.requestline, self.headers)
            page = page.encode() + self.rfile.read(length)
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_POST = do_GET

        def log_message(self, *_):
            say("request", self.requestline)

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Page).serve_forever()


def resets(sock, size, asked=""):
    if asked:
        sock.recv(1)
    page = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    sock.sendall(page + bytes(int(size) - len(page)))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    say("reset")


def full(port):
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen(0)
    pending = []
    while True:
        sock = socket.socket()
        sock.settimeout(0.5)
        pending.append(sock)
        try:
            sock.connect(("127.0.0.1", port))
        except TimeoutError:
            break
    say("full")
    threading.Event().wait()


# ---- either ----


def take(sock):
    total = 0
    while True:
        data = sock.recv(262144)
        if not data:
            break
        total += len(data)
    say("took", total)


def send(sock, size):
    sock.sendall(bytes(int(size)))
    sock.shutdown(socket.SHUT_WR)


def ends_first(sock, size):
    send(sock, size)
    take(sock)


def ends_last(sock, size):
    take(sock)
    send(sock, size)


# ---- clients ----


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port), 60)
    sock.settimeout(60)
    return sock


def session(port, name, up, down=None):
    """Returns what is wrong with it, or None. Without down, up is a point, or a
    function: bytes go both ways while it is true."""
    start = time.monotonic()
    named = None
    sock = connect(port)
    sent, got = Half(), Half()
    send_frame(sock, ("%s %s" % (name, down or "-")).encode())
    if down:
        sender = Sender(sock, sent, int(up), lambda: False)
    else:
        sender = Sender(sock, sent, 0, up if callable(up) else lambda: holds(up, sent, got))
    try:
        named = receive_frame(sock).decode()
        same = receive_half(sock, got)
        sender.join()
        if receive(sock, 4) != b"same":
            return "the target got something else"
    except (Ended, OSError) as error:
        how = error
        if isinstance(error, Ended):
            sender.join(2)  # it may have been told of the reset, and not yet have said so
            how = sender.failure or error
        word = "clean end" if isinstance(how, Ended) else "error"
        begun = "no" if named is None else "yes"
        return "%s at=%.3f begun=%s after=%d %s" % (word, time.time(), begun, got.bytes, how)
    if named != name:
        return "the target is " + named
    if not same or (down and got.bytes != int(down)):
        return "something else came"
    seconds = time.monotonic() - start
    say("whole", "up=%d" % sent.bytes, "down=%d" % got.bytes, "seconds=%.3f" % seconds)
    sock.close()
    return None


def holds(point, sent, got):
    """Tells the test once bytes flow both ways, and is true until it goes on."""
    if min(sent.bytes, got.bytes) > 262144 and not os.path.exists(point + ".reached"):
        with open(point + ".reached", "w", encoding="ascii"):
            pass
    return not os.path.exists(point + ".passed")


def sessions(port, name, total, at_once):
    """Returns what is wrong with them, or None."""
    left, failures, lock = [int(total)], [], threading.Lock()

    def run():
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            sizes = 0, 1, random.randint(2, 1 << 20), 1 << 20
            up, down = random.choices(sizes, (1, 1, 8, 1), k=2)
            wrong = session(port, name, str(up), str(down))
            if wrong:
                failures.append("%s (up=%d down=%d)" % (wrong, up, down))

    threads = [threading.Thread(target=run) for _ in range(int(at_once))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "\n".join(failures) or None


EITHER = {"ends-first": ends_first, "ends-last": ends_last}
TARGETS = {"whole": whole, "shout": shout, "resets": resets, **EITHER}
CLIENTS = {"session": session, "sessions": sessions}


def main(side, kind, port, *arguments):
    port = int(port)
    if side == "client" and kind in CLIENTS:
        sys.exit(CLIENTS[kind](port, *arguments))
    elif side == "client":
        EITHER[kind](connect(port), *arguments)
    elif kind == "web":
        web(port)
    elif kind == "full":
        full(port)
    else:
        serve(port, lambda sock: TARGETS[kind](sock, *arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
