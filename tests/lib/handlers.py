"""Many handlers that only say so: "handlers.py SOCKET COUNT USER".

As USER, if root, each connects to the broker as an agent's handler does, registers, and waits.
Prints "registered" when all are welcome, then how long pairings take, in
milliseconds: of each agent and stone that it adds meanwhile, one "paired MS" a
line, until its input ends.
"""

import array
import os
import pwd
import resource
import select
import socket
import struct
import sys
import time

VERSION = 8
REGISTER, WELCOME, MATCHED = 1, 2, 4
AGENT, STONE = 1, 2


def packet(kind, body):
    return struct.pack("=HHI", VERSION, kind, 8 + len(body)) + body


def register(path, role, der):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(path)
    body = struct.pack("=IIQII16x64s136x", role, len(der), 0, 0, 1 if role == STONE else 0, b"192.0.2.1:1")
    sock.send(packet(REGISTER, body + der))
    return sock


def certificate(name):
    """The least that is one, with this serial number."""
    number = b"\x02" + bytes([len(name)]) + name + b"\x30\0"
    body = b"\x30" + bytes([len(number)]) + number + b"\x30\0\x03\x02\0\0"
    return b"\x30" + bytes([len(body)]) + body


def receive(sock):
    data, control, _, _ = sock.recvmsg(65536, 1024)
    for _, _, fds in control:
        for fd in array.array("i", fds):
            os.close(fd)
    return struct.unpack_from("=HH", data)[1]


def become(user):
    if os.getuid() == 0:
        os.setresuid(*[pwd.getpwnam(user).pw_uid] * 3)


def main():
    path, count, user = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    become(user)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    waiting = []
    for i in range(count):
        # some for each of many certificates: one may not have so many polls
        waiting.append(register(path, AGENT, certificate(b"agent %d" % (i // 100))))
        assert receive(waiting[-1]) == WELCOME
    print("registered", flush=True)
    i = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        der = certificate(b"pair %d" % i)
        i += 1
        agent = register(path, AGENT, der)
        assert receive(agent) == WELCOME
        start = time.monotonic()
        stone = register(path, STONE, der)
        assert receive(stone) == WELCOME
        assert receive(stone) == MATCHED
        print(f"paired {(time.monotonic() - start) * 1000:.3f}", flush=True)
        agent.close()
        stone.close()
        time.sleep(0.001)


if __name__ == "__main__":
    main()
