"""A relay among others, made by hand: what it says to another's relay-peer.

node.py PORT NODES NAME CERTIFICATE [--key KEY] [--head HEAD]: as the relay NAME
it offers a stone with that certificate, sends HEAD once an agent is held, and
prints each answer.
"""

import argparse
import hashlib
import socket
import ssl
import struct
import subprocess

OPEN, READY, REFUSED, HEAD, TAKEN = range(1, 6)

words = argparse.ArgumentParser()
words.add_argument("port", type=int)
words.add_argument("nodes")
words.add_argument("name")
words.add_argument("certificate")
words.add_argument("--key")
words.add_argument("--head", default="GET / HTTP/1.1")
words = words.parse_args()


def identity(path):
    """The SHA-256 of what its authority has signed."""
    der = ssl.PEM_cert_to_DER_cert(open(path).read())
    out = subprocess.run(["openssl", "asn1parse", "-inform", "DER", "-strparse", "4", "-noout", "-out", "/dev/stdout"],
                         input=der, stdout=subprocess.PIPE, check=True).stdout
    return der, hashlib.sha256(out).hexdigest()


def frame(kind, body=b""):
    return struct.pack("!HHI", kind, 0, len(body)) + body


def read(tls, count):
    """The end of the relay's, by a reset too, is that of this program."""
    got = b""
    while len(got) < count:
        try:
            more = tls.recv(count - len(got))
        except ConnectionResetError:
            more = b""
        if not more:
            raise SystemExit(0)
        got += more
    return got


made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
made.load_verify_locations(f"{words.nodes}/ca.pem")
made.load_cert_chain(f"{words.nodes}/node/{words.name}/cert.pem", f"{words.nodes}/node/{words.name}/private.pem")
made.set_alpn_protocols(["vpn-warp-peer/1"])
tls = made.wrap_socket(socket.create_connection(("127.0.0.1", words.port), 60), server_hostname="osaka")
der, own = identity(words.certificate)
key = words.key or own
tls.sendall(frame(OPEN, struct.pack("!7I64s72s", 1, 0, 7, 1, 3000, len(der), 0, b"192.0.2.1:5", key.encode()) + der))
while True:
    kind, flags, length = struct.unpack("!HHI", read(tls, 8))
    body = read(tls, length)
    if kind == REFUSED:
        print("refused", *struct.unpack("!HH", body[:4]), body[4:].decode(), flush=True)
        break
    if kind == READY:
        print("ready", flush=True)
        tls.sendall(frame(HEAD, words.head.encode() + b"\r\n\r\n"))
    elif kind == TAKEN:
        print("taken", flush=True)
        break
