"""Marked sessions made by hand: peers that leave the relay's TLS, and others that
only say so. For peer.py's scripts: "from bare import *" behind the names of that.

What is bare here are any bytes: the relay does not look at them.
"""

import hashlib
import os
import random
import socket
import struct
import threading
import time

from peer import OK, POLL, PORT, Peer, head_of_stone, poll, stone  # noqa: F401

SEALING = b"GET / HTTP/1.1\r\nX-Seal: 1 aGVsbG8=\r\nX-Bare: 1\r\n\r\n"
SEALED = b"HTTP/1.1 200 OK\r\nX-Seal: 1\r\nX-Bare: 1\r\n\r\n"


def marked(name, agent_port=PORT, stone_port=PORT):
    """An agent and a stone in a marked session, which still have the relay's TLS.

    Each may be at another relay."""
    agent = poll(name, b"X-Bare: 1", port=agent_port)
    client = stone(name, SEALING, port=stone_port)
    head = head_of_stone(agent)
    assert head.endswith(b"\r\nX-Bare: 1\r\n\r\n"), head
    agent.send(SEALED)
    assert client.head() == SEALED
    return agent, client


def lock_of(peer):
    """One thread may send while another reads: TLS has one state for both."""
    if not hasattr(peer, "lock"):
        peer.lock = threading.Lock()
    return peer.lock


def say(peer, data):
    """In TLS, while another thread reads."""
    with lock_of(peer):
        peer.tls.write(data)
        out = peer.outgoing.read()
    put(peer, out)


def leave(peer):
    """Ends its direction of TLS, and only that."""
    with lock_of(peer):
        peer.tls.write(b"")
        try:
            peer.tls.unwrap()
        except Exception:  # it wants the other's, or had something unread
            pass
        peer._flush()


def put(peer, data):
    """Bare."""
    peer.sock.settimeout(60)
    peer.sock.sendall(data)


def come_bare(peer, seconds=60):
    """Reads up to the other's close_notify, and nothing behind it."""
    deadline = time.monotonic() + seconds
    while not peer.ended:
        header = exactly(peer, 5, deadline)
        length = int.from_bytes(header[3:], "big")
        record = header + exactly(peer, length, deadline)
        with lock_of(peer):
            peer.incoming.write(record)
            peer._drain()
    assert peer.ended == "clean", peer.ended


def exactly(peer, length, deadline):
    data = b""
    while len(data) < length:
        peer.sock.settimeout(max(deadline - time.monotonic(), 0.001))
        piece = peer.sock.recv(length - len(data))
        assert piece, "the end of TCP"
        data += piece
    return data


def get(peer, length, seconds=60):
    """Bare bytes."""
    return exactly(peer, length, time.monotonic() + seconds)


def bare(name, *ports):
    """A session of which all directions are bare."""
    agent, client = marked(name, *ports)
    leave(agent)
    leave(client)
    come_bare(agent)
    come_bare(client)
    return agent, client


def tcp_end(peer, seconds=60):
    """How TCP ends, whatever comes before: "fin" or "reset"."""
    peer.sock.settimeout(seconds)
    try:
        while peer.sock.recv(1 << 18):
            pass
    except ConnectionResetError:
        return "reset"
    return "fin"


def sends(peer, size, change, digest):
    """So many random bytes, the first of them in TLS, and the end."""
    left = False
    rest = size
    while rest > 0:
        data = os.urandom(min(rest, random.choice((1, 100, 5000, 16384, 70000))))
        digest.update(data)
        if size - rest < change <= size - rest + len(data):
            at = change - (size - rest)
            say(peer, data[:at])
            leave(peer)
            left = True
            put(peer, data[at:])
        elif left:
            put(peer, data)
        else:
            say(peer, data)
        rest -= len(data)
    peer.cut()


def receives(peer, digest):
    """All that comes, up to FIN."""
    come_bare(peer)
    digest.update(peer.got)
    while data := peer.sock.recv(1 << 16):
        digest.update(data)


def changes(pair, most=3 << 20):
    """Bytes both ways at once, each of which leaves TLS at any moment, to their ends."""
    threads, digests = [], []
    for a, b in (pair, pair[::-1]):
        size = random.randint(1, most)
        digests.append((hashlib.sha256(), hashlib.sha256()))
        threads.append(threading.Thread(target=sends, args=(a, size, random.randint(1, size), digests[-1][0])))
        threads.append(threading.Thread(target=receives, args=(b, digests[-1][1])))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sent, got in digests:
        assert sent.digest() == got.digest()
    for peer in pair:
        peer.sock.close()


# ---- points of a change-over, to which the first of pair comes first -------------


def nothing(pair, _pids):
    """All is in TLS."""


def one_way(pair, _pids):
    leave(pair[0])
    come_bare(pair[1])
    put(pair[0], b"x")
    assert get(pair[1], 1) == b"x"


def both_ways(pair, pids):
    one_way(pair, pids)
    leave(pair[1])
    come_bare(pair[0])
    put(pair[1], b"x")
    assert get(pair[0], 1) == b"x"


def full(pair, pids):
    """Bytes are held up all the way."""
    both_ways(pair, pids)
    pair[0].sock.settimeout(0.5)
    try:
        while True:
            pair[0].sock.send(bytes(1 << 20))
    except TimeoutError:
        pass


def half(pair, pids):
    """One direction has ended."""
    both_ways(pair, pids)
    pair[0].cut()
    assert tcp_end(pair[1]) == "fin"
