"""Many sessions and many agents, with each of them accounted for.

    load.py targets PORT NAME...           a target for each name, from PORT on
    load.py sessions COUNT AT_ONCE NAME... raw stones with these certificates
    load.py agents COUNT NAME...           raw agents that wait, until stdin ends

What else they need is in the environment, as peer.py has it. A target and a
stone say "whole ID" for a session in which both the name that the target greets
with and the SHA-256 of what came are right, to a clean end; else "wrong ID ...".
Sizes are random, and so is which side ends its direction first.
"""

import hashlib
import multiprocessing
import os
import random
import resource
import socket
import sys
import threading
import time
import traceback
import uuid

NOISE = os.urandom(1 << 22)
SIZES = (0, 1, 100, 3_000, 20_000, 70_000, 300_000, 1_000_000)
MODES = ("up-first", "down-first", "both")


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def payload(size):
    """So many random bytes and their digest."""
    start = random.randint(0, len(NOISE) - size)
    data = NOISE[start:start + size]
    return data + hashlib.sha256(data).digest()


def is_payload(data, size):
    return len(data) == size + 32 and hashlib.sha256(data[:size]).digest() == data[size:]


# ---- targets ----


def to_the_end(sock, data):
    parts = [data]
    while True:
        part = sock.recv(1 << 18)
        if not part:
            return b"".join(parts)
        parts.append(part)


def send_and_end(sock, data, failures):
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        failures.append(error)


def serve(sock, name):
    line = b""
    while b"\n" not in line:
        part = sock.recv(65536)
        if not part:
            raise OSError("ended before its first line")
        line += part
    line, rest = line.split(b"\n", 1)
    number, wanted, up, down, mode = line.decode().split()
    try:
        sock.sendall(name.encode() + b"\n")
        failures = []
        sender = threading.Thread(target=send_and_end, args=(sock, payload(int(down)), failures))
        if mode == "up-first":
            data = to_the_end(sock, rest)
            sender.start()
        else:
            sender.start()
            data = to_the_end(sock, rest)
        sender.join()
        good = wanted == name and not failures and is_payload(data, int(up))
        say("whole" if good else "wrong", number, name, wanted, len(data), *failures)
    except OSError as error:
        say("wrong", number, name, error)


def serve_one(sock, name):
    try:
        with sock:
            sock.settimeout(100)
            serve(sock, name)
    except OSError as error:
        say("wrong", "-", name, error)


def target(port, name):
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    while True:
        sock = listener.accept()[0]
        threading.Thread(target=serve_one, args=(sock, name), daemon=True).start()


def targets(port, *names):
    threads = [threading.Thread(target=target, args=(int(port) + i, name))
               for i, name in enumerate(names)]
    for thread in threads:
        thread.start()
    say("listening")


# ---- sessions ----


def receive(stone, data, until):
    while not until(data):
        data += stone._take(len(stone.got))
        if stone.ended or until(data):
            break
        stone._receive(time.monotonic() + 100)
    return data + stone._take(len(stone.got))


def converse(peer, name, number):
    """Returns what is wrong, or None."""
    up, down = (random.randint(0, random.choice(SIZES)) for _ in range(2))
    mode = random.choice(MODES)
    stone = peer.Peer(name)
    with stone.sock:
        first = f"{number} {name} {up} {down} {mode}\n".encode()
        stone.send(peer.GET + first)
        head = stone.head(100)
        if head != peer.OK:
            return "%r" % head
        data = payload(up)
        if mode != "down-first":
            stone.send(data)
            stone.finish()
        got = receive(stone, b"", lambda _: stone.ended)
        if mode == "down-first":
            stone.send(data)
            stone.finish()
        greeting, _, rest = got.partition(b"\n")
        if stone.ended != "clean":
            return stone.ended
        if greeting != name.encode():
            return "the target is %r" % greeting
        return None if is_payload(rest, down) else "other bytes came"


def one_session(peer, name):
    number = uuid.uuid4().hex
    try:
        wrong = converse(peer, name, number)
    except (AssertionError, OSError) as error:
        wrong = repr(error) + " in " + traceback.format_exc().splitlines()[-4].strip().replace(" ", "_")
    say(*(("wrong", number, name, wrong) if wrong else ("whole", number)))
    return wrong


def work(names, count, at_once):
    import peer

    left, failures, lock = [count], [], threading.Lock()

    def run():
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            if one_session(peer, random.choice(names)):
                failures.append(1)

    threads = [threading.Thread(target=run) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failures else 0)


def in_processes(function, arguments):
    processes = [multiprocessing.Process(target=function, args=a) for a in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return max(process.exitcode for process in processes)


def sessions(count, at_once, *names):
    parts = 4
    share = [(int(count) + i) // parts for i in range(parts)]
    return in_processes(work, [(names, n, max(int(at_once) // parts, 1)) for n in share])


# ---- agents ----


def agents(count, *names):
    import peer

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    waiting = [None] * int(count)
    contexts = {name: peer.context(name) for name in names}
    peer.context = contexts.get  # one for all, or each would load the CA

    def connect(i):
        waiting[i] = peer.poll(names[i % len(names)])

    for start in range(0, len(waiting), 50):
        peer.in_threads(connect, *range(start, min(start + 50, len(waiting))))
    say("waiting", len(waiting))
    sys.stdin.read()
    for agent in waiting:
        agent.close()
    return 0


def main(kind, *arguments):
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    return {"targets": targets, "sessions": sessions, "agents": agents}[kind](*arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
