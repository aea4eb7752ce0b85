"""Processes that the benchmarks start, and what the kernel says of them."""

import contextlib
import os
import pathlib
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

USER = pwd.getpwnam("nobody")
WAIT_SECONDS = 20
FILES = 65536  # that one may have open
QUIET = 0.002  # seconds of CPU in 50 ms that are no load
TICK = 1 / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what, seconds=WAIT_SECONDS):
    """Polls until condition() is true; what goes into the error."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: {what}: not there after {seconds} s")
        time.sleep(0.02)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def raise_files():
    """For us and all that we start, where we may."""
    with contextlib.suppress(ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


class Scratch:
    """A folder, and the processes that live with it."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vpn-warp-bench."))
        self.dir.chmod(0o755)
        self.processes = []

    def write(self, name, text, mode=0o644):
        path = self.dir / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def own(self, folder):
        """Makes it the user's, where there is a user apart from ours."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{USER.pw_uid}:{USER.pw_gid}", folder], check=True)

    def start(self, *command, user=False, talk=False):
        """Starts a program; its output goes to a file, or to us where we talk with it."""
        name = os.path.basename(str(command[0]))
        log = self.dir / f"{name}.{len(self.processes)}.log"
        drop = {}
        if user and os.geteuid() == 0:
            drop = {"user": USER.pw_uid, "group": USER.pw_gid, "extra_groups": []}
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [str(word) for word in command], cwd=self.dir, stderr=out, text=True,
                stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talk else out, start_new_session=True, **drop)
        process.log = log
        self.processes.append(process)
        return process

    def stop(self, process):
        """Kills a process and all that it has started."""
        group = [process.pid, *descendants(process.pid)]
        for pid in group:
            for kill in (os.killpg, os.kill):
                try:
                    kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self.processes.remove(process)

    def close(self):
        for process in reversed(list(self.processes)):
            self.stop(process)
        shutil.rmtree(self.dir, ignore_errors=True)


# ---- what the kernel says of a process ----


def proc(pid, name):
    """The text of /proc/PID/NAME; "" where it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid):
    """Those that have ended and are not waited for yet among them."""
    return [int(child) for child in proc(pid, f"task/{pid}/children").split()]


def descendants(pid):
    found = children(pid)
    for child in found:
        found += children(child)  # the list grows as we go
    return found


def own_cpu(pid):
    """Seconds of all threads that live, to the nanosecond."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    times = (proc(pid, f"task/{task}/schedstat").split() for task in tasks)
    return sum(int(fields[0]) for fields in times if fields) / 1e9


def stat(pid):
    """The numbers of /proc/PID/stat, from the state's follower on."""
    return [int(field) for field in proc(pid, "stat").rsplit(")", 1)[1].split()[1:]]


def reaped_cpu(pid):
    """Seconds of the children, and theirs, that have ended and were waited for."""
    return sum(stat(pid)[12:14]) * TICK


def cpu_tree(pid):
    """Seconds of a process, and of all its children, ended or alive."""
    seconds = own_cpu(pid) + reaped_cpu(pid)
    return seconds + sum(own_cpu(child) for child in descendants(pid))


def quiet(cpu):
    """What cpu() tells, in seconds, once it rises no more: the last load is done with."""
    used, earlier = cpu(), None
    while earlier is None or used - earlier > QUIET:
        time.sleep(0.05)
        used, earlier = cpu(), used
    return used


def reaped_faults(pid):
    """Page faults without I/O of the children that were waited for."""
    return stat(pid)[7]


def memory_kib(pid, what):
    """What is "Pss" or "Rss"."""
    return int(re.search(rf"^{what}:\s+(\d+)", proc(pid, "smaps_rollup"), re.M)[1])
