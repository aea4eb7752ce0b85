"""The ways from a client to a service that the benchmarks compare.

Each chain starts its own programs on free ports of 127.0.0.1, gives a local
port for each service, and ends what it started.
"""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
USER = pwd.getpwnam("nobody")
CONNECT_SECONDS = 10


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what, seconds=CONNECT_SECONDS):
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

    def start(self, *command, user=False):
        """Starts a program; its output goes to a file of the folder."""
        name = os.path.basename(str(command[0]))
        log = self.dir / f"{name}.{len(self.processes)}.log"
        drop = {}
        if user and os.geteuid() == 0:
            drop = {"user": USER.pw_uid, "group": USER.pw_gid, "extra_groups": []}
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [str(word) for word in command], cwd=self.dir, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, start_new_session=True, **drop)
        process.log = log
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def cpu_seconds(process):
    """User and system time of a process and the children it has waited for."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


class Services:
    """What lies at the far end: a web page from haproxy, and iperf3."""

    def __init__(self, scratch):
        self.web, self.bulk = free_port(), free_port()
        conf = scratch.write("web.cfg", f"""
global
    nbthread 1
defaults
    mode http
    timeout client 60s
frontend web
    bind 127.0.0.1:{self.web}
    http-request return status 200 content-type text/plain string "intra"
""")
        scratch.start("haproxy", "-db", "-f", conf)
        scratch.start("iperf3", "-s", "-B", "127.0.0.1", "-p", self.bulk)
        wait_for(lambda: answers(self.web), "haproxy")
        wait_for(lambda: answers(self.bulk), "iperf3")


class Relay:
    """stone -> relay-listen -> relayagent, one agent and stone a service.

    ours is the same chain with relay-stone in the place of Debian's stone.
    """

    def __init__(self, scratch, services, polls=16):
        self.scratch = scratch
        shutil.copytree(ROOT / "build/bin", scratch.dir / "bin")
        self.bin = scratch.dir / "bin"
        self.port = free_port()
        self.ca("init")
        self.ca("server", "localhost")
        scratch.write("relay.conf", f"""
listen = 127.0.0.1:{self.port}
certificate = ca/server/localhost/cert.pem
key = ca/server/localhost/private.pem
ca = ca/ca.pem
socket = run/broker.sock
user = nobody
group = nogroup
""")
        self.broker = scratch.start(self.bin / "relay-broker", "-c", "relay.conf")
        self.listen = scratch.start(self.bin / "relay-listen", "-c", "relay.conf")
        wait_for(lambda: answers(self.port), "relay-listen")
        self.ours = types.SimpleNamespace()
        self.web, self.ours.web = self.forward("web", services.web, polls)
        self.bulk, self.ours.bulk = self.forward("bulk", services.bulk, polls)

    def ca(self, *words):
        folder = self.scratch.dir / "ca"
        subprocess.run([self.bin / "relay-ca", "-d", folder, *words], check=True,
                       stdout=subprocess.DEVNULL)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{USER.pw_uid}:{USER.pw_gid}", folder], check=True)

    def client(self, name):
        """A certificate's folder."""
        self.ca("client", name)
        return self.scratch.dir / "ca/client" / name

    def forward(self, name, target, polls):
        """An agent to target and both stones; returns the stones' ports."""
        folder = self.client(name)
        agent = self.scratch.start(
            self.bin / "relayagent", "-n", "-m", polls, "-k", folder / "private.pem",
            "-c", folder / "cert.pem", "-a", "ca/ca.pem", f"localhost:{self.port}",
            f"127.0.0.1:{target}", user=True)
        wait_for(lambda: agent.log.read_text().count(": waiting ") >= polls, "relayagent")
        return (self.stone(name, folder, "stone"),
                self.stone(name, folder, self.bin / "relay-stone", "-q", "CAfile=ca/ca.pem"))

    def stone(self, name, folder, *command):
        """A stone that listens; returns its port."""
        port = free_port()
        conf = self.scratch.write(f"{name}.{port}.stone", f"""
-q key={folder}/private.pem
-q cert={folder}/cert.pem
localhost:{self.port}/ssl,http localhost:{port} "GET / HTTP/1.1" --
""")
        self.scratch.start(*command, "-C", conf, user=True)
        wait_for(lambda: answers(port), command[0])
        return port


class OpenSSH:
    """ssh -L -> sshd <- ssh -R, the same service both ways through one sshd."""

    CIPHER = "aes128-gcm@openssh.com"

    def __init__(self, scratch, services):
        port = free_port()
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", scratch.dir / key],
                           check=True)
        shutil.copy(scratch.dir / "user_key.pub", scratch.dir / "authorized_keys")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        scratch.write("sshd_config", f"""
ListenAddress 127.0.0.1:{port}
HostKey {scratch.dir}/host_key
AuthorizedKeysFile {scratch.dir}/authorized_keys
PidFile none
StrictModes no
UsePAM no
MaxSessions 100
""")
        scratch.start("/usr/sbin/sshd", "-D", "-e", "-f", scratch.dir / "sshd_config")
        wait_for(lambda: answers(port), "sshd")
        middle = [free_port(), free_port()]
        self.web, self.bulk = free_port(), free_port()
        ssh = ["ssh", "-N", "-F", "none", "-i", scratch.dir / "user_key", "-p", port,
               "-c", self.CIPHER, "-o", "StrictHostKeyChecking=no",
               "-o", "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes",
               "127.0.0.1"]
        scratch.start(*ssh, "-R", f"127.0.0.1:{middle[0]}:127.0.0.1:{services.web}",
                      "-R", f"127.0.0.1:{middle[1]}:127.0.0.1:{services.bulk}")
        wait_for(lambda: all(answers(p) for p in middle), "ssh -R")
        scratch.start(*ssh, "-L", f"127.0.0.1:{self.web}:127.0.0.1:{middle[0]}",
                      "-L", f"127.0.0.1:{self.bulk}:127.0.0.1:{middle[1]}")
        wait_for(lambda: answers(self.web) and answers(self.bulk), "ssh -L")
