"""A relay that joins one agent and one stone, and may lie to both.

    lying_relay.py PORT FOLDER

Its certificate is FOLDER/cert.pem. It takes a poll, then a stone, passes its
head on and joins them, again and again; a line on stdout tells how each session
went. It knows of marked sessions. What it does to a session is said by the words
that FOLDER/lie has then:

    mark           the sessions are marked, as by a relay that serves bare legs
    strip          the offer is taken out of the stone's head
    strip-answer   and the one of the agent out of its answer
    rewrite=A=B    A in the stone's head is B to the agent
    change:WAY:N   the byte at N of a way (up: to the agent, or down) is another
    cut:WAY:N      from N on nothing more comes: the direction ends, as cleanly
                   as this side of the seal can tell, and so does the other
    hold:WAY:N     from N on nothing more comes, and nothing ends
    reflect        the stone is joined to itself
"""

import base64
import socket
import ssl
import sys
import threading

END_OF_HEAD = b"\r\n\r\n"
CHUNK = 16384


class Leg:
    """One TLS connection, read a record at a time, so that nothing behind its
    close_notify is taken for TLS."""

    def __init__(self, context, sock):
        self.sock, self.got = sock, b""
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.into, self.out, server_side=True)
        self.bare_in = self.bare_out = False
        self.types = {"in": [], "out": []}
        self.lock = threading.Lock()
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.into.write(self.record())
        self.flush()

    def note(self, way, kind):
        if self.types[way][-1:] != [kind]:
            self.types[way].append(kind)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                if data:
                    raise ConnectionResetError("a record is cut")
                return b""
            data += part
        return data

    def record(self):
        """The next one off TCP, b"" at its end."""
        head = self.exactly(5)
        if not head:
            return b""
        self.note("in", head[0])
        return head + self.exactly(int.from_bytes(head[3:], "big"))

    def flush(self):
        data = self.out.read()
        at = 0
        while at < len(data):
            self.note("out", data[at])
            at += 5 + int.from_bytes(data[at + 3:at + 5], "big")
        self.sock.sendall(data)

    def recv(self):
        """Bytes; "close_notify"; or b"", the end of TCP."""
        record = b""
        while not self.bare_in:
            # both at once: finish() throws away what it finds between them
            with self.lock:
                self.into.write(record)
                try:
                    data = self.tls.read(CHUNK)
                    if data:
                        return data
                    self.bare_in = True
                    return "close_notify"
                except ssl.SSLZeroReturnError:
                    self.bare_in = True
                    return "close_notify"
                except ssl.SSLWantReadError:
                    pass
            record = self.record()
            if not record:
                raise ConnectionResetError("no close_notify")
        return self.record()

    def send(self, data):
        if self.bare_out:
            self.note("out", data[0])
            self.sock.sendall(data)
            return
        with self.lock:
            for at in range(0, len(data), CHUNK):
                self.tls.write(data[at:at + CHUNK])
                self.flush()

    def finish(self):
        """close_notify; what is sent after it is bare."""
        with self.lock:
            try:
                self.tls.unwrap()
            except (ssl.SSLWantReadError, ssl.SSLError):
                pass
            self.flush()
            self.bare_out = True

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        # the other thread may sleep in it
        try:
            self.sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        self.sock.close()

    def head(self):
        data = self.got
        while END_OF_HEAD not in data:
            part = self.recv()
            if not isinstance(part, bytes) or not part:
                raise ConnectionResetError("no head")
            data += part
        head, _, self.got = data.partition(END_OF_HEAD)
        return head.lstrip().decode().split("\r\n")


class Session:
    def __init__(self, words):
        self.marked = "mark" in words
        self.strip_answer = "strip-answer" in words
        self.faults = {}
        self.count = {"up": 0, "down": 0}
        self.ended = {"up": "open", "down": "open"}
        for word in words:
            kind, *where = word.split(":")
            if where:
                self.faults[where[0]] = (kind, int(where[1]))

    def spoil(self, way, data):
        """What becomes of data, and whether it is the last."""
        kind, at = self.faults.get(way, (None, 0))
        at -= self.count[way]
        self.count[way] += len(data)
        if kind is None or at >= len(data):
            return data, False
        if kind == "change":
            if at >= 0:
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
            return data, False
        return data[:max(at, 0)], True

    def pump(self, way, source, target):
        try:
            self.ended[way] = self.move(way, source, target)
        except (OSError, ssl.SSLError) as failure:
            self.ended[way] = type(failure).__name__
            source.reset()
            target.reset()

    def move(self, way, source, target):
        first = True
        while True:
            data = source.recv()
            if data == "close_notify":
                target.finish()
                if not self.marked:
                    return "clean"
                continue
            if not data:
                target.sock.shutdown(socket.SHUT_WR)
                return "clean"
            if way == "down" and first:
                data = data.lstrip(b"\r\n")
                if not data:
                    continue
                first = False
                if self.strip_answer:
                    data = data.replace(b"X-Seal: 1\r\n", b"")
            data, last = self.spoil(way, data)
            if data:
                target.send(data)
            if last:
                return self.stop(way, source, target)

    def stop(self, way, source, target):
        if self.faults[way][0] == "hold":
            while source.recv() not in (b"", "close_notify"):
                pass
            return "held"
        for leg in (target, source):
            if not leg.bare_out:
                leg.finish()
            leg.sock.shutdown(socket.SHUT_WR)
        return "cut"


def head_of(lines, marked, strip):
    kept = [line for line in lines if not line.startswith("X-Bare:")
            and not (strip and line.startswith("X-Seal:"))]
    kept.append("X-Forwarded-For: 192.0.2.1")
    if marked:
        kept.append("X-Bare: 1")
    return "\r\n".join(kept).encode() + END_OF_HEAD


def serve(agent, stone, lines, folder):
    with open(f"{folder}/lie", encoding="ascii") as file:
        words = file.read().split()
    session = Session(words)
    say(f"head={lines}")
    for word in words:
        kind, *texts = word.split("=")
        if kind == "rewrite":
            lines = [line.replace(*texts) for line in lines]
    if "reflect" in words:
        session.ended["down"] = "reflected"
        hello = next(line.split()[2] for line in lines if line.startswith("X-Seal:"))
        stone.send(b"HTTP/1.1 200 OK\r\nX-Seal: 1\r\n\r\n" + base64.b64decode(hello))
        session.pump("up", stone, stone)
    else:
        agent.send(head_of(lines, session.marked, "strip" in words))
        if stone.got:
            agent.send(stone.got)
        down = threading.Thread(target=session.pump, args=("down", agent, stone))
        down.start()
        session.pump("up", stone, agent)
        down.join()
    shapes = " ".join(f"{name}.{way}={'-'.join('%02x' % kind for kind in leg.types[way])}"
                      for name, leg in (("agent", agent), ("stone", stone)) for way in ("in", "out"))
    say(f"session up={session.count['up']} down={session.count['down']}"
        f" ended={session.ended['up']},{session.ended['down']} {shapes}")
    agent.sock.close()
    stone.sock.close()


def main(port, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/private.pem")
    context.load_verify_locations(f"{folder}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0
    polls, arrived = [], threading.Condition()

    def meet(sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            leg = Leg(context, sock)
            lines = leg.head()
        except (OSError, ssl.SSLError):
            sock.close()
            return
        if lines[0].startswith("GET /KLAB/poll "):
            leg.send(b"HTTP/1.1 200 OK\r\n\r\n")
            with arrived:
                polls.append(leg)
                arrived.notify()
            say(f"poll={lines}")
            return
        with arrived:
            arrived.wait_for(lambda: polls)
            agent = polls.pop()
        serve(agent, leg, lines, folder)

    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        threading.Thread(target=meet, args=(listener.accept()[0],), daemon=True).start()


def say(*words):
    print(*words, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
