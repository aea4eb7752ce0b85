"""Agents and stones made by hand, for what no proper one would do.

"peer.py SCRIPT" runs a Python script in which the names below are known. The
test that starts it says in the environment where the relay is: SCRATCH (the
test's folder), RELAY_PORT, CLIENT_ADDRESS (to connect from) and RELAY_LOG.
"""

import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from slowness import in_time  # noqa: E402, F401 (found by the line above, and for scripts)

SCRATCH = os.environ["SCRATCH"]
PORT = int(os.environ["RELAY_PORT"])
CLIENT_ADDRESS = os.environ["CLIENT_ADDRESS"]
RELAY_LOG = os.environ["RELAY_LOG"]

POLL = b"GET /KLAB/poll HTTP/1.1\r\nX-Ver: 2 test\r\n"
GET = b"GET / HTTP/1.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n\r\n"
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


def until(condition, seconds=60):
    """Waits for condition() to be true, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.02)


def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(f"{SCRATCH}/ca.pem")
    if name:
        made.load_cert_chain(f"{SCRATCH}/{name}/cert.pem", f"{SCRATCH}/{name}/private.pem")
    return made


def tcp(host="127.0.0.1", port=PORT):
    source = ("::1" if ":" in host else CLIENT_ADDRESS, 0)
    sock = socket.create_connection((host, port), 60, source)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Peer:
    """A TLS connection to the relay with the certificate of name.

    It may go over a sock that is there already, and the first record have bytes
    before it. Each send is one TLS record. How the other side's direction ended is in
    ended: "clean" (close_notify), "cut" (EOF without one) or "reset".
    """

    def __init__(self, name, host="127.0.0.1", port=PORT, sock=None, before=b"", version=None):
        # what stands there already is of others who had this port before
        self.log_start = os.path.getsize(RELAY_LOG) if os.path.exists(RELAY_LOG) else 0
        self.sock = sock or tcp(host, port)
        self.log_name = "peer=" + ("[%s]:%d" if ":" in host else "%s:%d") % self.sock.getsockname()[:2]
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.outgoing.write(before)
        made = context(name)
        if version:
            made.maximum_version = version
        self.tls = made.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self.got = bytearray()
        self.ended = None
        deadline = time.monotonic() + 60
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill(deadline):
                    raise ConnectionError("ended in the handshake")
        self._flush()

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.settimeout(60)
            self.sock.sendall(data)

    def _fill(self, deadline):
        """Returns false at the end of TCP."""
        self.sock.settimeout(max(deadline - time.monotonic(), 0.001))
        data = self.sock.recv(262144)
        self.incoming.write(data)
        return data

    def _receive(self, deadline):
        """Adds what comes next to got, or sets ended."""
        while True:
            try:
                data = self.tls.read(262144)
                if not data:
                    self.ended = "clean"
                self.got += data
                return
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                self.ended = "clean"
                return
            try:
                if not self._fill(deadline):
                    self.ended = "cut"
                    return
            except ConnectionResetError:
                self.ended = "reset"
                return

    def _drain(self):
        """Takes what has come: unwrap() would stumble over it, and lose it."""
        try:
            while not self.ended:
                data = self.tls.read(262144)
                if not data:
                    self.ended = "clean"
                self.got += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = "clean"

    def _take(self, length):
        taken = bytes(self.got[:length])
        del self.got[:length]
        return taken

    def send(self, data):
        self.tls.write(data)
        self._flush()

    def send_bytes(self, data):
        """Sends a TLS record for each byte."""
        for byte in data:
            self.send(bytes([byte]))

    def read(self, length, seconds=60):
        deadline = time.monotonic() + seconds
        while len(self.got) < length:
            assert not self.ended, f"{self.ended} after {bytes(self.got)[:200]}"
            self._receive(deadline)
        return self._take(length)

    def head(self, seconds=60):
        """Reads up to the end of a head, and returns it."""
        deadline = time.monotonic() + seconds
        while True:
            found = END_OF_HEAD.search(self.got)
            if found:
                return self._take(found.end())
            assert not self.ended, f"{self.ended} after {bytes(self.got)[:200]}"
            self._receive(deadline)

    def end(self, seconds=60):
        """Reads up to the end, into got, and returns how it ended."""
        deadline = time.monotonic() + seconds
        while not self.ended:
            self._receive(deadline)
        return self.ended

    def ends_in(self, seconds):
        """The same, where it is promised to come in so many seconds."""
        start = time.monotonic()
        ended = self.end()
        assert in_time(time.monotonic() - start, seconds)
        return ended

    def rest(self, seconds=60):
        """Reads up to the clean end, and returns what came."""
        ended = self.end(seconds)
        assert ended == "clean", f"{ended} after {bytes(self.got)[:200]}"
        return self._take(len(self.got))

    def silent(self, seconds):
        """Whether nothing comes, and no end, for so long."""
        try:
            self._receive(time.monotonic() + seconds)
        except TimeoutError:
            return not self.got
        return False

    def finish(self):
        """Ends our direction cleanly; the other stays open."""
        self._drain()
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self._flush()

    def cut(self):
        """TCP's end without close_notify."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        """As a proper client does; the relay may have been faster."""
        try:
            self.finish()
        except OSError:
            pass
        self.sock.close()


# ---- the two roles ----


def poll(name, *fields, **where):
    """An agent that has its 200."""
    agent = Peer(name, **where)
    agent.send(POLL + b"".join(field + b"\r\n" for field in fields) + b"\r\n")
    answer = agent.head()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-Customer: "), answer
    return agent


def stone(name, head=GET, **where):
    """A stone that has asked and not been answered."""
    made = Peer(name, **where)
    made.send(head)
    return made


def head_of_stone(agent):
    """The stone's head, as the agent gets it, without keep-alives before."""
    while True:
        head = agent.head().lstrip(b"\r\n")
        if head:
            return head


def session(name):
    """An agent and a stone that talk to each other."""
    agent = poll(name)
    client = stone(name)
    head_of_stone(agent)
    agent.send(OK)
    assert client.head() == OK
    return agent, client


def echo(agent):
    """A target behind an agent: answers each byte with itself, to the end."""
    while True:
        while agent.got:
            agent.send(agent._take(len(agent.got)))
        if agent.ended:
            break
        agent._receive(time.monotonic() + 60)
    if agent.ended == "clean":
        agent.finish()


def works(name):
    """A new session carries bytes both ways and ends cleanly."""
    agent, client = session(name)
    client.send(b"there")
    assert agent.read(5) == b"there"
    agent.send(b"back")
    assert client.read(4) == b"back"
    client.finish()
    assert agent.rest() == b""
    agent.finish()
    assert client.rest() == b""


# ---- the relay from outside ----


def log_lines(peer):
    """What the relay's log says of this connection."""
    with open(RELAY_LOG, encoding="ascii") as log:
        log.seek(peer.log_start)
        return [line for line in log if re.search(re.escape(peer.log_name) + r"\b", line)]


def logged(peer, pattern):
    """Waits for such a line of this connection."""
    return until(lambda: [line for line in log_lines(peer) if re.search(pattern, line)])[0]


def handler_of(peer):
    """The pid of the process that serves this connection."""
    return int(re.search(r"\[(\d+)\]: ", logged(peer, r"\[\d+\]: ")).group(1))


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def refused(head, status, reason, name="alice"):
    """This head gets its status line, an X-Reason, and one line in the log."""
    peer = Peer(name)
    peer.send(head)
    answer = peer.rest().decode()
    peer.close()
    status_line, *fields = answer.split("\r\n")
    assert status_line == f"HTTP/1.1 {status} {reason}", (head, answer)
    assert f"X-Reason: {reason}" in fields, (head, answer)
    assert "Connection: close" in fields, (head, answer)
    logged(peer, f"refused status={status} reason={re.escape(reason.replace(' ', '_'))} ")
    until(lambda: gone(handler_of(peer)))
    assert len(log_lines(peer)) == 1, log_lines(peer)
    return answer


def in_threads(function, *arguments):
    """Calls function for each argument at once; fails where one does."""
    failures = []

    def run(argument):
        try:
            function(argument)
        except BaseException as failure:
            failures.append((argument, failure))

    threads = [threading.Thread(target=run, args=(a,), daemon=True) for a in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for argument, failure in failures:
        print(f"in the thread of {argument}:", file=sys.stderr)
        raise failure


def at_point(name):
    """Tells the test that this point is reached, and waits for its go_on."""
    with open(f"{SCRATCH}/{name}.reached", "w", encoding="ascii"):
        pass
    until(lambda: os.path.exists(f"{SCRATCH}/{name}.passed"), 60)


if __name__ == "__main__":
    signal.alarm(500)
    with open(sys.argv[1], encoding="utf-8") as script:
        exec(compile(script.read(), sys.argv[1], "exec"))
