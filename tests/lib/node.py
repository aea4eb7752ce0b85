"""A relay among others, made by hand: what it says to another's relay-peer.

node.py PORT NODES NAME CERTIFICATE [--key KEY] [--head HEAD] [--offer]
[--proof FILE]: as the relay NAME it offers a stone with that certificate, and the
messages of a handshake in FILE as its proof, sends HEAD once an agent is held, and
prints each answer. --offer: the head is one of a stone that can go bare.

node.py PORT NODES NAME --serve [--mark]: as the relay NAME, on PORT, it has an
agent for whoever comes first, and prints what head it gets, and before that which
version and how long a proof OPEN has. --mark: it says that the session is marked,
whatever it was.

Both speak --version, 2 unless told, of the protocol.
"""

import argparse
import hashlib
import socket
import ssl
import struct
import subprocess

OPEN, READY, REFUSED, HEAD, TAKEN, OFFER, MARKED = range(1, 8)

words = argparse.ArgumentParser()
words.add_argument("port", type=int)
words.add_argument("nodes")
words.add_argument("name")
words.add_argument("certificate", nargs="?")
words.add_argument("--key")
words.add_argument("--head", default="GET / HTTP/1.1")
words.add_argument("--offer", action="store_true")
words.add_argument("--proof")
words.add_argument("--serve", action="store_true")
words.add_argument("--mark", action="store_true")
words.add_argument("--version", default="2")
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


def frames(tls):
    """Each that comes: its type and what it carries."""
    while True:
        kind, _, length = struct.unpack("!HHI", read(tls, 8))
        yield kind, read(tls, length)


def context(side):
    made = ssl.SSLContext(side)
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(f"{words.nodes}/ca.pem")
    made.load_cert_chain(f"{words.nodes}/node/{words.name}/cert.pem", f"{words.nodes}/node/{words.name}/private.pem")
    made.set_alpn_protocols([f"vpn-warp-peer/{words.version}"])
    return made


def opening(der, key, proof):
    # version 1 has no place for a proof
    version, lengths = int(words.version), [len(der), 0, len(proof)]
    numbers = [version, 0, 7, 1, 3000] + lengths[:1 + version]
    return struct.pack(f"!{len(numbers)}I64s72s", *numbers, b"192.0.2.1:5", key.encode()) + der + proof


def offer():
    made = context(ssl.PROTOCOL_TLS_CLIENT)
    tls = made.wrap_socket(socket.create_connection(("127.0.0.1", words.port), 60), server_hostname="osaka")
    der, own = identity(words.certificate)
    key = words.key or own
    proof = open(words.proof, "rb").read() if words.proof else b""
    tls.sendall(frame(OPEN, opening(der, key, proof)))
    for kind, body in frames(tls):
        if kind == REFUSED:
            print("refused", *struct.unpack("!HH", body[:4]), body[4:].decode(), flush=True)
            break
        if kind == READY:
            print("ready", flush=True)
            tls.sendall(frame(OFFER if words.offer else HEAD, words.head.encode() + b"\r\n\r\n"))
        elif kind in (TAKEN, MARKED):
            print("taken" if kind == TAKEN else "marked", flush=True)
            break


def serve():
    with socket.create_server(("127.0.0.1", words.port)) as listener:
        sock = listener.accept()[0]
    tls = context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(sock, server_side=True)
    for kind, body in frames(tls):
        if kind == OPEN:
            version, = struct.unpack("!I", body[:4])
            proof = struct.unpack("!I", body[28:32])[0] if version > 1 else 0
            print("open", version, proof, flush=True)
            tls.sendall(frame(READY))
        elif kind in (HEAD, OFFER):
            print("head" if kind == HEAD else "offer", flush=True)
            tls.sendall(frame(MARKED if words.mark else TAKEN))


serve() if words.serve else offer()
