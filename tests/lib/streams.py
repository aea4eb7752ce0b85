"""Very many short connections with checksums and half-closes in any order.

    streams.py target PORT           serves, and says how each one went
    streams.py client PORT COUNT AT_ONCE
                                     makes so many, of random sizes and kinds
    streams.py hold PORT COUNT       opens so many, has a byte there and back on
                                     each, and holds them until a line comes
    streams.py echo PORT             a target that gives back what comes, for
                                     very many at a time

Of each connection of the first two, both directions carry random bytes and
their SHA-256, and end for themselves: the client's first, the target's first,
or both at once. Both sides compare.
"""

import asyncio
import hashlib
import os
import random
import resource
import socket
import sys
import threading

KINDS = "client-first", "target-first", "at-once"


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def send(sock, size):
    """So many random bytes, their digest, and the end."""
    digest = hashlib.sha256()
    while size > 0:
        data = os.urandom(min(size, 65536))
        size -= len(data)
        digest.update(data)
        sock.sendall(data)
    sock.sendall(digest.digest())
    sock.shutdown(socket.SHUT_WR)


def receive(file, size):
    """Whether so many bytes, their digest and the end come."""
    data = file.read()
    return len(data) == size + 32 and hashlib.sha256(data[:-32]).digest() == data[-32:]


def exchange(sock, file, first, up, down):
    """Sends up bytes and takes down; first: whether we end first (None: both at once)."""
    if first is None:
        sender = threading.Thread(target=send, args=(sock, up))
        sender.start()
        same = receive(file, down)
        sender.join()
        return same
    if first:
        send(sock, up)
        return receive(file, down)
    same = receive(file, down)
    send(sock, up)
    return same


# ---- the target ----


def serve(sock):
    try:
        with sock, sock.makefile("rb") as file:
            words = file.readline().split()
            if not words:
                return
            kind, up, down = words[0].decode(), int(words[1]), int(words[2])
            first = {"target-first": True, "client-first": False, "at-once": None}[kind]
            say("whole" if exchange(sock, file, first, down, up) else "spoilt", kind)
    except OSError as error:
        say("error", error)


def target(port):
    with socket.create_server(("127.0.0.1", int(port)), backlog=1024) as listener:
        while True:
            sock = listener.accept()[0]
            threading.Thread(target=serve, args=(sock,), daemon=True).start()


# ---- the client ----


def one(port):
    kind = random.choice(KINDS)
    up, down = (random.choice((0, 1, random.randint(2, 4096), random.randint(2, 60000)))
                for _ in range(2))
    try:
        with socket.create_connection(("127.0.0.1", port), 60) as sock, sock.makefile("rb") as file:
            sock.sendall(f"{kind} {up} {down}\n".encode())
            first = {"client-first": True, "target-first": False, "at-once": None}[kind]
            wrong = None if exchange(sock, file, first, up, down) else "something else came"
    except OSError as error:
        wrong = error
    if wrong:
        say(wrong, kind, up, down)
    return wrong


def several(port, count, at_once):
    """In one process."""
    left, failures, lock = [count], [], threading.Lock()

    def run():
        while True:
            with lock:
                if left[0] == 0 or failures:
                    return
                left[0] -= 1
            if one(port):
                failures.append(1)

    threads = [threading.Thread(target=run) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return not failures


def client(port, count, at_once):
    """In several processes, as each has one interpreter."""
    processes = 4
    pids = []
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            random.seed()
            os._exit(0 if several(int(port), int(count) // processes,
                                  int(at_once) // processes) else 1)
        pids.append(pid)
    sys.exit(any([os.waitpid(pid, 0)[1] for pid in pids]))


# ---- very many at a time ----


async def echo_one(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def echo(port):
    server = await asyncio.start_server(echo_one, "127.0.0.1", int(port), backlog=1024)
    await server.serve_forever()


def hold(port, count):
    socks = []
    for _ in range(int(count)):
        sock = socket.create_connection(("127.0.0.1", int(port)), 60)
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        socks.append(sock)
    say("held", len(socks))
    sys.stdin.readline()


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    what, *arguments = sys.argv[1:]
    if what == "echo":
        asyncio.run(echo(*arguments))
    else:
        {"target": target, "client": client, "hold": hold}[what](*arguments)
