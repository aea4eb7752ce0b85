"""A relay made by hand that parks polls: for scripts of peer.py.

Its certificate is cert.pem in the test's folder; "Relay" listens on the relay's
port, and each "Poll" is one connection of an agent.
"""

import os
import re
import socket
import ssl
import struct
import time

SCRATCH = os.environ["SCRATCH"]
PORT = int(os.environ["RELAY_PORT"])
SIGN = bytes.fromhex("140303000101")
WAKE = bytes.fromhex("160303000400000000")


class Relay:
    def __init__(self, park=b"X-Park: 1\r\n", certificate=SCRATCH):
        self.park = park
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{certificate}/cert.pem", f"{certificate}/private.pem")
        self.context.load_verify_locations(f"{SCRATCH}/ca.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.num_tickets = 0
        self.listener = socket.create_server(("127.0.0.1", PORT))
        self.listener.settimeout(60)

    def poll(self):
        """The next poll, which has its answer."""
        return Poll(self, self.listener.accept()[0])

    def nobody(self, seconds):
        """Whether nobody connects for so long."""
        self.listener.settimeout(seconds)
        try:
            self.listener.accept()
        except TimeoutError:
            return True
        finally:
            self.listener.settimeout(60)
        return False


class Poll:
    def __init__(self, relay, sock):
        self.relay = relay
        self.sock = sock
        self.sock.settimeout(60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.early = b""  # signs of life that came with the end of TLS
        self.admit()

    def admit(self):
        """A handshake, the head of the poll, and the answer."""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.relay.context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self._until(self.tls.do_handshake)
        assert not self.tls.session_reused
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += self.read()
        self.send(b"HTTP/1.1 200 OK\r\n" + self.relay.park + b"\r\n")

    def _until(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(16384)
                if not data:
                    raise ConnectionError("cut") from None
                self.incoming.write(data)
            finally:
                self._flush()

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def read(self):
        """What comes next; b"" at the clean end."""
        try:
            return self._until(lambda: self.tls.read(16384))
        except ssl.SSLZeroReturnError:
            return b""

    def send(self, data):
        self.tls.write(data)
        self._flush()

    def say_end(self):
        """close_notify, without waiting for the agent's."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self._flush()

    def park(self):
        """Ends TLS in both directions; nothing comes behind it but signs of life."""
        self.say_end()
        while True:
            data = self.read()
            if not data:
                break
            assert not data.strip(b"\r\n"), data
        self.early = self.incoming.read()

    def sign(self):
        """Takes a sign of life."""
        data, self.early = self.early[:len(SIGN)], self.early[len(SIGN):]
        while len(data) < len(SIGN):
            more = self.sock.recv(len(SIGN) - len(data))
            assert more, "the agent has gone"
            data += more
        assert data == SIGN, data

    def echo(self):
        self.sign()
        self.sock.sendall(SIGN)

    def wake(self, wake=WAKE):
        """And polls anew, after the signs of life that were on their way."""
        self.sock.sendall(wake)
        while self.early or self.sock.recv(1, socket.MSG_PEEK) == SIGN[:1]:
            self.sign()
        self.admit()

    def serve(self, said):
        """A stone has come that says this: returns what the target does."""
        self.send(b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n" + said)
        got = b""
        while not re.search(rb"\r\n\r\n(?s:.{%d})" % len(said), got):
            more = self.read()
            assert more, got
            got += more
        self.say_end()
        return got[-len(said):]

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def ended(self, seconds=60):
        """Awaits the agent's end, without a byte but signs of life. Returns how long it took."""
        start = time.monotonic()
        self.sock.settimeout(seconds)
        try:
            while True:
                data = self.sock.recv(16384)
                if not data:
                    break
                assert not data.replace(SIGN, b""), data
        except ConnectionResetError:
            pass
        return time.monotonic() - start
