"""A service manager that passes a listener on, as sd_listen_fds(3) says.

    manager.py PORT COMMAND...   listens on PORT, and keeps COMMAND running
    manager.py udp COMMAND...    the same with a socket that nobody wants

The listener stays open between one COMMAND and the next. It ends with a COMMAND
that fails, whose status is its own, or at SIGTERM, which it passes on. PASSED: how
many sockets COMMAND is told of. PASSED_TO: to which process they are said to be.
"""

import os
import signal
import socket
import sys


def listener(port):
    if port == "udp":
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", int(port)))
    sock.listen(4096)
    return sock


def start(sock, command):
    pid = os.fork()
    if pid:
        return pid
    os.dup2(sock.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ["LISTEN_PID"] = os.environ.get("PASSED_TO", str(os.getpid()))
    os.environ["LISTEN_FDS"] = os.environ.get("PASSED", "1")
    os.execvp(command[0], command)


def main():
    sock = listener(sys.argv[1])
    child = 0
    ended = False

    def end(*_):
        nonlocal ended
        ended = True
        os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    while not ended:
        child = start(sock, sys.argv[2:])
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            return status
    return 0


sys.exit(main())
