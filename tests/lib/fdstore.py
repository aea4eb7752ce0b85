"""A service manager that keeps descriptors for its service, as sd_notify(3) says.

    fdstore.py COMMAND...   keeps COMMAND running, with what it gave before

At SIGHUP it restarts COMMAND (SIGTERM, and a new one once there is no file hold),
at SIGTERM it ends it. It prints each message that it gets, "ended", and "passed N"
as it passes N descriptors on. A file spoil has it cut what is a file in memory.
"""

import array
import os
import signal
import socket
import sys
import tempfile
import time

stored = []
again = True


def take(sock):
    """One message: what it says is done, and the rest of it printed."""
    size = array.array("i").itemsize
    text, ancillary, _, _ = sock.recvmsg(4096, socket.CMSG_SPACE(16 * size))
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[:len(data) - len(data) % size])
    lines = text.decode().split("\n")
    if "FDSTORE=1" in lines:
        stored.extend(fds)
    if "FDSTOREREMOVE=1" in lines:
        while stored:
            os.close(stored.pop())
    print(" ".join(lines), len(fds), flush=True)


def spoil():
    for fd in stored:
        if os.path.exists("spoil") and "memfd" in os.readlink(f"/proc/self/fd/{fd}"):
            os.ftruncate(fd, os.fstat(fd).st_size - 1)


def start(command):
    spoil()
    print("passed", len(stored), flush=True)
    pid = os.fork()
    if pid:
        return pid
    # not over one that is still to be copied
    high = [os.dup2(fd, 200 + i) for i, fd in enumerate(stored)]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i)
        os.set_inheritable(3 + i, True)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(high))
    os.execvp(command[0], command)


def main():
    global again
    path = os.path.join(tempfile.mkdtemp(dir="."), "notify")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    os.chmod(path, 0o666)
    os.chmod(os.path.dirname(path), 0o755)
    os.environ["NOTIFY_SOCKET"] = os.path.abspath(path)
    child = 0

    def end(number, _):
        global again
        again = number == signal.SIGHUP
        os.kill(child, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    sock.settimeout(0.05)
    while again:
        child = start(sys.argv[1:])
        ended = 0
        while not ended:
            # what it said before it ended is heard first, as it is by systemd
            ended = os.waitpid(child, os.WNOHANG)[0]
            try:
                while True:
                    take(sock)
            except TimeoutError:
                pass
        print("ended", flush=True)
        while os.path.exists("hold"):
            time.sleep(0.02)
    return 0


sys.exit(main())
