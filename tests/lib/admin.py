"""An administrator of several relays, or a relay that he asks, made by hand.

admin.py ask PORT NODES KIND/NAME WHAT: with that certificate asks the relay osaka
for WHAT, and prints what it answers with, a line for each frame.

admin.py serve PORT NODES NAME WHAT: is that relay's relay-peer, which answers each
who comes with WHAT.

MESSAGE_VERSION, of the environment, is that of the broker's messages.
"""

import os
import socket
import ssl
import struct
import sys

OPEN, READY, REFUSED, HEAD, TAKEN, OFFER, MARKED, ADMIN, ANSWER = range(1, 10)
VERSION = int(os.environ["MESSAGE_VERSION"])
MESSAGE_REGISTER, MESSAGE_ADMIN, MESSAGE_ADMIN_DONE = 1, 15, 20
STATUS, KICK, LOG_LEVEL = 1, 5, 8

verb, port, nodes, name, what = sys.argv[1:]
port = int(port)


def frame(kind, body=b"", flags=0):
    return struct.pack("!HHI", kind, flags, len(body)) + body


def message(kind, body, version=VERSION):
    return struct.pack("=HHI", version, kind, 8 + len(body)) + body


def request(command, argument=b"", version=VERSION):
    return message(MESSAGE_ADMIN, struct.pack("=II128s", command, 0, argument), version)


def done(count=0):
    return message(MESSAGE_ADMIN_DONE, struct.pack("=II256s", 0, count, b""))


ASKED = {
    "status": frame(ADMIN, request(STATUS)),
    "log-level": frame(ADMIN, request(LOG_LEVEL, b"err")),
    "unterminated": frame(ADMIN, request(KICK, b"x" * 128)),
    "version": frame(ADMIN, request(STATUS, version=VERSION + 1)),
    "twice": frame(ADMIN, request(STATUS) * 2),
    "short": frame(ADMIN, request(STATUS)[:20]),
    "empty": frame(ADMIN),
    "oversized": struct.pack("!HHI", ADMIN, 0, 0xffffffff),
    "flags": frame(ADMIN, request(STATUS), 1),
    "open": frame(OPEN, b"\0" * 200),
    "register": frame(ADMIN, message(MESSAGE_REGISTER, b"\0" * 136)),
    "nothing": b"",
}

ANSWERS = {
    "good": frame(ANSWER, done()),
    "oversized": struct.pack("!HHI", ANSWER, 0, 0xffffffff),
    "version": frame(ANSWER, struct.pack("=HHI", VERSION + 1, MESSAGE_ADMIN_DONE, 16) + b"\0" * 8),
    "no-answer": frame(ANSWER, request(STATUS)),
    "behind-the-end": frame(ANSWER, done() * 2),
    "register": frame(ANSWER, message(MESSAGE_REGISTER, b"\0" * 136)),
    "empty": frame(ANSWER),
    "taken": frame(TAKEN),
    "refused": frame(REFUSED, struct.pack("!HH", 1, 503) + b"Not today"),
    "refused-wrong": frame(REFUSED, struct.pack("!HH", 1, 503) + b"\x1b[2Jowned"),
    "cut": frame(ANSWER, done())[:20],
    "silence": b"",
}


def read(tls, count):
    """None at the end, by a reset too."""
    got = b""
    while len(got) < count:
        try:
            more = tls.recv(count - len(got))
        except (ConnectionResetError, ssl.SSLError):
            more = b""
        if not more:
            return None
        got += more
    return got


def context(purpose, folder):
    made = ssl.SSLContext(purpose)
    made.load_verify_locations(f"{nodes}/ca.pem")
    made.load_cert_chain(f"{nodes}/{folder}/cert.pem", f"{nodes}/{folder}/private.pem")
    made.set_alpn_protocols(["vpn-warp-peer/1"])
    return made


def ask():
    made = context(ssl.PROTOCOL_TLS_CLIENT, name)
    tls = made.wrap_socket(socket.create_connection(("127.0.0.1", port), 60), server_hostname="osaka")
    tls.sendall(ASKED[what])
    while True:
        header = read(tls, 8)
        if header is None:
            print("end", flush=True)
            return
        kind, _, length = struct.unpack("!HHI", header)
        body = read(tls, length)
        if kind == REFUSED:
            print("refused", *struct.unpack("!HH", body[:4]), body[4:].decode(), flush=True)
        else:
            print("answer" if kind == ANSWER else kind, struct.unpack("=HHI", body[:8])[1], flush=True)


def serve():
    made = context(ssl.PROTOCOL_TLS_SERVER, f"node/{name}")
    made.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", port))
    print("listens", flush=True)
    while True:
        sock, _ = listener.accept()
        try:
            tls = made.wrap_socket(sock, server_side=True)
            header = read(tls, 8)
            if header is not None:
                read(tls, struct.unpack("!HHI", header)[2])
                tls.sendall(ANSWERS[what])
                if what == "cut":
                    sock = tls.detach()
                    os.close(sock)
                else:
                    tls.recv(1)
        except OSError:
            pass


ask() if verb == "ask" else serve()
