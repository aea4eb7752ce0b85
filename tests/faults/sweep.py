"""Makes each call of a program fail, one after the other: "sweep.py SUBJECT
CONTROL STRIDE".

For each kind of call and each way to fail that faults/shim.c knows, the first,
the second ... n-th call fails in a session of its own, until there is no n-th
call. STRIDE is how far n goes each time, from a random start. CONTROL is the
file that the shim shares with the program. SUBJECT is one of

    agent-handler stone-handler   a child of relay-listen or xinetd
    spawner broker                relay-listen, relay-broker
    agent-session stone-session   a child of relayagent, of relay-stone
    agent stone                   relayagent, relay-stone

For an agent, relayagent forwards to TARGET_PORT, with one poll; for a stone,
relay-stone listens on STONE_PORT. These, and what peer.py needs, are in the
environment.

After each fault: no stream was cut silently, none hangs, none carries other
bytes, no process crashed, and the next session goes well. What was not so is a
line "wrong ...", and makes the result a failure.
"""

import os
import random
import socket
import ssl
import sys
import threading
import time
from errno import EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOMEM, ENOSPC, errorcode

FAULTS = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FAULTS, os.path.join(os.path.dirname(FAULTS), "lib")]

import peer  # noqa: E402 (found by the lines above)
import shared  # noqa: E402

NAME = "alice"
HANG = 25  # seconds; the deadlines of the relay and its clients are shorter
UP = os.urandom(60_000)
DOWN = os.urandom(50_000)

# as enum call of the shim has them
KINDS = {
    "read": (1, (EINTR, EAGAIN, ENOMEM, shared.SHORT)),
    "write": (2, (EINTR, EAGAIN, ENOMEM, shared.SHORT)),
    "recvmsg": (3, (EINTR, EAGAIN, ENOMEM, shared.CTRUNC)),
    "sendmsg": (4, (EINTR, EAGAIN, ENOMEM, EMFILE)),
    "accept4": (5, (EINTR, EAGAIN, ENOMEM, EMFILE, ENFILE, ECONNABORTED)),
    "connect": (6, (EINTR, EAGAIN, ENOMEM)),
    "socket": (7, (EMFILE, ENFILE, ENOMEM)),
    "socketpair": (8, (EMFILE, ENFILE, ENOMEM)),
    "epoll_ctl": (9, (ENOMEM, ENOSPC)),
    "epoll_wait": (10, (EINTR,)),
    "poll": (11, (EINTR, ENOMEM)),
    "alloc": (12, (ENOMEM,)),
    "open": (13, (EMFILE, ENFILE, ENOMEM)),
    "fork": (14, (EAGAIN, ENOMEM)),
}


def word_of(how):
    return {shared.SHORT: "short", shared.CTRUNC: "lost-fd"}.get(how) or errorcode[how]


# ---- the two ends of a session, each in a thread of its own ----


class End(threading.Thread):
    """One end. outcome: how the stream that it read ended, with "never" where
    none began, and "hang" where nothing came for too long."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ready = threading.Event()
        self.outcome = None
        self.body = b""
        self.began = False
        self.start()

    def run(self):
        try:
            self.play()
            self.outcome = "clean"
        except TimeoutError:
            self.outcome = "hang"
        except (AssertionError, OSError, ssl.SSLError) as error:
            self.outcome = "error"
            self.error = error
        if not self.began and self.outcome != "hang":
            self.outcome = "never"
        self.ready.set()
        self.close()

    def wrong(self):
        """What must not be, or None."""
        if self.outcome == "hang":
            return "hangs after %d of %d bytes" % (len(self.body), len(self.wanted))
        if not self.wanted.startswith(self.body):
            return "got other bytes than were sent"
        if self.outcome == "clean" and self.body != self.wanted:
            return "is cut silently after %d of %d bytes" % (len(self.body), len(self.wanted))
        return None

    def close(self):
        if self.sock:
            self.sock.close()

    def abandon(self):
        """For an end that nobody comes to."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Tls(End):
    """With a raw TLS connection."""

    sock = None

    def connect(self):
        self.peer = peer.Peer(NAME)
        self.sock = self.peer.sock

    def read(self, whole=False):
        """All that is wanted, or whole: up to the clean end."""
        while len(self.body) < len(self.wanted) or whole:
            self.body += self.peer._take(len(self.peer.got))
            if self.peer.ended == "clean":
                return
            assert not self.peer.ended, self.peer.ended
            if len(self.body) < len(self.wanted) or whole:
                self.peer._receive(time.monotonic() + HANG)

    def send(self, data):
        self.peer.send(data)

    def finish(self):
        self.peer.finish()


class Stone(Tls):
    wanted = DOWN

    def play(self):
        self.connect()
        self.send(peer.GET + UP)
        head = self.peer.head(HANG)
        assert head == peer.OK, head
        self.began = True
        self.read()
        self.finish()
        self.read(whole=True)


class Agent(Tls):
    wanted = UP

    def play(self):
        self.connect()
        self.send(peer.POLL + b"\r\n")
        assert self.peer.head(HANG).startswith(b"HTTP/1.1 200 OK\r\n")
        self.ready.set()
        head = b""
        while not head:
            head = self.peer.head(600).lstrip(b"\r\n")
        assert head.startswith(b"GET / HTTP/1.1\r\n"), head
        self.began = True
        self.send(peer.OK)
        self.read()
        self.send(DOWN)
        self.read(whole=True)
        self.finish()


class Tcp(End):
    """A local client of relay-stone, or the target of relayagent."""

    sock = None

    def read(self, whole=False):
        while len(self.body) < len(self.wanted) or whole:
            data = self.sock.recv(1 << 18)
            if not data:
                return
            self.body += data

    def send(self, data):
        self.sock.sendall(data)

    def finish(self):
        self.sock.shutdown(socket.SHUT_WR)


class Client(Tcp):
    wanted = DOWN

    def play(self):
        self.sock = socket.create_connection(("127.0.0.1", int(os.environ["STONE_PORT"])), HANG)
        self.began = True
        self.send(UP)
        self.read()
        self.finish()
        self.read(whole=True)


class Target(Tcp):
    wanted = UP
    listener = None

    def accept(self, seconds):
        Target.listener.settimeout(seconds)
        try:
            self.sock = Target.listener.accept()[0]
        except (BlockingIOError, TimeoutError):
            return False
        return True

    def play(self):
        if not Target.listener:
            Target.listener = socket.create_server(("127.0.0.1", int(os.environ["TARGET_PORT"])))
        self.left = False
        while self.accept(0):
            self.sock.close()  # of a session that was given up
        self.ready.set()
        while not self.accept(0.1):
            assert not self.left
        self.sock.settimeout(HANG)
        self.began = True
        self.read()
        self.send(DOWN)
        self.read(whole=True)
        self.finish()

    def abandon(self):
        self.left = True
        if self.sock:
            super().abandon()


# ---- a session ----


def session(server_kind, client_kind, before_server, before_client):
    """Returns how both ends saw it, and what is wrong with it or None."""
    before_server()
    server = server_kind()
    server.ready.wait(HANG + 10)
    if server.outcome:
        return ("never", server.outcome), server.wrong()
    before_client()
    client = client_kind()
    client.join(4 * HANG)
    if not server.began:
        # a stone that is turned away may still be on its way to us
        server.join(0.1)
    if not server.began:
        server.abandon()
    server.join(2 * HANG)
    wrong = ["%s %s" % (type(end).__name__.lower(), end.wrong())
             for end in (client, server) if end.wrong()]
    return (client.outcome, server.outcome), "; ".join(wrong) or None


def nothing():
    pass


SUBJECTS = {
    # the ends, which of them the fault is armed before, in whom, after how many children
    "agent-handler": (Agent, Stone, "server", shared.CHILD, 0),
    "stone-handler": (Agent, Stone, "client", shared.CHILD, 0),
    "spawner": (Agent, Stone, "server", shared.SELF, 0),
    "broker": (Agent, Stone, "server", shared.SELF, 0),
    "agent-session": (Target, Stone, "server", shared.CHILD, 0),
    "agent": (Target, Stone, "server", shared.SELF, 0),
    "stone-session": (Agent, Client, "client", shared.CHILD, 0),
    "stone": (Agent, Client, "client", shared.SELF, 0),
}


class Sweep:
    def __init__(self, subject, control, stride):
        self.name = subject
        self.server, self.client, self.moment, self.who, self.skip = SUBJECTS[subject]
        self.control = control
        self.stride = stride
        self.sessions = self.faults = self.whole = self.failures = 0

    def wrong(self, what, *words):
        self.failures += 1
        print("wrong", self.name, *what, *words, flush=True)

    def plain(self):
        return session(self.server, self.client, nothing, nothing)

    def serves(self, what):
        """Within a while: after a failure it may wait before it tries again."""
        deadline = time.monotonic() + 20
        while True:
            outcomes, wrong = self.plain()
            if wrong:
                self.wrong(what, "in the next session:", wrong)
            if outcomes == ("clean", "clean"):
                return
            if time.monotonic() > deadline:
                self.wrong(what, "serves no more:", *outcomes)
                return
            time.sleep(0.1)

    def trial(self, call, how, n):
        """Returns whether there was an n-th call."""
        def arm():
            self.control.arm(call, how, n, self.who, self.skip)

        if self.name == "agent-session":
            # the poll that the next session takes is a child of the one before
            arm()
            self.plain()
            outcomes, wrong = self.plain()
        else:
            arms = {"server": nothing, "client": nothing, self.moment: arm}
            outcomes, wrong = session(self.server, self.client, arms["server"], arms["client"])
        hits, crashes = self.control.get("hits"), self.control.get("crashes")
        self.control.disarm()
        what = (self.call, word_of(how), n)
        if wrong:
            self.wrong(what, wrong)
        if crashes:
            self.wrong(what, "crashed")
            self.control.set(crashes=0)
        self.sessions += 1
        if not hits:
            return False
        self.faults += 1
        self.whole += outcomes == ("clean", "clean")
        if self.who == shared.SELF or outcomes != ("clean", "clean"):
            self.serves(what)
        return True

    def sweep(self, name, call, how):
        self.call = name
        n = start = random.randint(1, self.stride)
        missed = calls = 0
        while missed < 2:
            if self.trial(call, how, n):
                missed, calls = 0, calls + 1
                n += self.stride
            else:
                missed += 1
        # where there are fewer than STRIDE of a kind, the first stands for all
        if calls == 0 and start > 1:
            calls += self.trial(call, how, 1)
        if calls:
            print(self.name, name, word_of(how), "faults=%d" % calls, flush=True)

    def run(self, kinds):
        self.serves(("before", "all"))
        for name in kinds:
            call, hows = KINDS[name]
            for how in hows:
                stride = self.stride
                if name != "alloc":
                    self.stride = max(1, self.stride // 25)
                self.sweep(name, call, how)
                self.stride = stride
        print(self.name, "sessions=%d" % self.sessions, "faults=%d" % self.faults,
              "whole=%d" % self.whole, "wrong=%d" % self.failures, flush=True)
        return 0 if self.faults and not self.failures else 1


def main(subject, path, stride, *kinds):
    sys.exit(Sweep(subject, shared.Control(path), int(stride)).run(kinds or KINDS))


main(*sys.argv[1:])
