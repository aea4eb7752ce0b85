"""The ways from a client to a service that the benchmarks compare.

Each starts its own programs on free ports of 127.0.0.1 and gives a local port
for each service: web, bulk, echo and redis.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import types

from processes import answers, children, cpu_tree, free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build/bench"
SERVICES = ("web", "bulk", "echo", "redis")
POLLS = 16  # that each service's agent keeps
SETTLE_SECONDS = 60


class Services:
    """What lies at the far end: a web page from haproxy, iperf3, an echo, and redis."""

    def __init__(self, scratch):
        self.web, self.bulk, self.echo, self.redis = (free_port() for _ in SERVICES)
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
        scratch.start(TOOLS / "pingpong", "echo", self.echo)
        scratch.start("redis-server", "--bind", "127.0.0.1", "--port", self.redis, "--save", "")
        for name in SERVICES:
            wait_for(lambda: answers(getattr(self, name)), name)


class Relay:
    """The relay, its certificates, and what polls and calls it.

    The chain stone -> relay-listen -> relayagent has one agent and one stone a
    service. ours is the same chain with relay-stone in the place of Debian's.
    """

    def __init__(self, scratch, *lines, has_keyd=False):
        """lines are of relay.conf; with relay-keyd who registers has to prove who it is."""
        self.scratch = scratch
        shutil.copytree(ROOT / "build/bin", scratch.dir / "bin")
        self.bin = scratch.dir / "bin"
        self.port = free_port()
        self.folders = {}
        self.ca("init")
        self.ca("server", "localhost")
        # a thousand sessions of one certificate must not meet its limit
        scratch.write("customers", "[default]\nnusers = 4000\n")
        handoff = "handoff = run/handoff.sock" if self.has_handoff() else ""
        pem = self.keyd_folder() if has_keyd else "ca/server/localhost"
        if has_keyd:
            lines += ("keyd = keyd/keyd.sock", "keyd_user = daemon")
        self.conf = scratch.write("relay.conf", f"""
listen = 127.0.0.1:{self.port}
certificate = {pem}/cert.pem
key = {pem}/private.pem
ca = ca/ca.pem
customers = customers
socket = run/broker.sock
user = nobody
handler_user = games
group = nogroup
{handoff}
""" + "\n".join((*lines, "")))
        self.helpers = []
        if has_keyd:
            self.helpers.append(scratch.start(self.bin / "relay-keyd", "-c", "relay.conf"))
            wait_for(lambda: " start " in self.helpers[0].log.read_text(), "relay-keyd")
        self.broker = scratch.start(self.bin / "relay-broker", "-c", "relay.conf")
        wait_for((scratch.dir / "run/broker.sock").exists, "relay-broker")
        self.listen = scratch.start(self.bin / "relay-listen", "-c", "relay.conf")
        wait_for(lambda: answers(self.port), "relay-listen")

    def keyd_folder(self):
        """Where relay-keyd has the key; who it is apart from us."""
        folder = self.scratch.dir / "keyd"
        shutil.copytree(self.scratch.dir / "ca/server/localhost", folder)
        folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(folder, "daemon")
            shutil.chown(folder / "private.pem", "daemon")
        return "keyd"

    def has_handoff(self):
        """Whether there is a first stage for xinetd that passes its socket on."""
        return (self.bin / "relay-handoff").exists()

    def start_chains(self, services):
        self.ours = types.SimpleNamespace(cpu=self.cpu)
        for name in SERVICES:
            folder = self.client(name)
            self.agent(folder, getattr(services, name), POLLS)
            setattr(self, name, self.stone(name, folder, "stone"))
            setattr(self.ours, name, self.stone(name, folder, self.bin / "relay-stone",
                                                "-q", "CAfile=ca/ca.pem", "--sessions", "0"))

    def set(self, key, value):
        """A line of relay.conf, for what begins from now on."""
        text = re.sub(rf"(?m)^{key} = .*\n", "", self.conf.read_text())
        self.conf.write_text(text + f"{key} = {value}\n")
        self.ctl("reload")

    def bare(self, yes):
        """Whether sessions that begin from now on may go bare."""
        self.set("bare", "yes" if yes else "no")

    def ctl(self, *words):
        """What relayctl says."""
        return subprocess.run([self.bin / "relayctl", "-c", self.conf, *words], check=True, text=True,
                              stdout=subprocess.PIPE, cwd=self.scratch.dir).stdout

    def status(self):
        """What relayctl says of the relay, by name."""
        return json.loads(self.ctl("--json", "status"))["status"]

    def parked(self):
        """How many agents are."""
        return self.status()["parked"]

    def cpu(self):
        """Seconds that all of the relay has used so far."""
        return cpu_tree(self.listen.pid) + cpu_tree(self.broker.pid)

    def handlers(self):
        return children(self.listen.pid)

    def settle(self, handlers):
        """Waits until no more handlers than these are there: the others are reaped."""
        wait_for(lambda: len(self.handlers()) <= handlers, "the handlers' end", SETTLE_SECONDS)

    def ca(self, *words):
        folder = self.scratch.dir / "ca"
        subprocess.run([self.bin / "relay-ca", "-d", folder, *words], check=True,
                       stdout=subprocess.DEVNULL)
        self.scratch.own(folder)

    def client(self, name):
        """A certificate's folder."""
        if name not in self.folders:
            self.ca("client", name)
            self.folders[name] = self.scratch.dir / "ca/client" / name
        return self.folders[name]

    def files(self, name):
        """What tlsload wants to know of a certificate."""
        folder = self.client(name)
        return folder / "cert.pem", folder / "private.pem", self.scratch.dir / "ca/ca.pem"

    def agent(self, folder, target, polls):
        """A relayagent to a port of this host, waiting."""
        agent = self.scratch.start(
            self.bin / "relayagent", "-n", "-m", f"{polls}:{polls}", "-k", folder / "private.pem",
            "-c", folder / "cert.pem", "-a", "ca/ca.pem", f"localhost:{self.port}",
            f"127.0.0.1:{target}", user=True)
        wait_for(lambda: agent.log.read_text().count(": waiting ") >= polls, "relayagent")
        return agent

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
    """ssh -L -> sshd <- ssh -R, the same services both ways through one sshd."""

    CIPHER = "aes128-gcm@openssh.com"

    def __init__(self, scratch, services):
        port = free_port()
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", scratch.dir / key],
                           check=True)
        shutil.copy(scratch.dir / "user_key.pub", scratch.dir / "authorized_keys")
        if os.geteuid() == 0:
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
        self.processes = [scratch.start("/usr/sbin/sshd", "-D", "-e", "-f",
                                        scratch.dir / "sshd_config")]
        wait_for(lambda: answers(port), "sshd")
        ssh = ["ssh", "-N", "-F", "none", "-i", scratch.dir / "user_key", "-p", port,
               "-c", self.CIPHER, "-o", "StrictHostKeyChecking=no",
               "-o", "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes",
               "127.0.0.1"]
        remote, local, middle = [], [], []
        for name in SERVICES:
            near, far = free_port(), free_port()
            setattr(self, name, near)
            middle.append(far)
            remote += ["-R", f"127.0.0.1:{far}:127.0.0.1:{getattr(services, name)}"]
            local += ["-L", f"127.0.0.1:{near}:127.0.0.1:{far}"]
        self.processes.append(scratch.start(*ssh, *remote))
        wait_for(lambda: all(answers(p) for p in middle), "ssh -R")
        self.processes.append(scratch.start(*ssh, *local))
        wait_for(lambda: all(answers(getattr(self, name)) for name in SERVICES), "ssh -L")

    def tunnel_cpu(self):
        """Seconds that all three have used so far."""
        return sum(cpu_tree(process.pid) for process in self.processes)


class HAProxy:
    """Three haproxies with the relay's own certificates, all in TLS 1.3.

    One takes TCP from the client, one stands for the relay (TLS in, TLS out),
    one gives TCP to the service. Cipher and threads are haproxy's defaults.
    """

    def __init__(self, scratch, relay, services):
        server = scratch.dir / "ca/server/localhost"
        client = relay.client("haproxy")
        for name, folder in (("server", server), ("client", client)):
            scratch.write(f"{name}.pem", (folder / "cert.pem").read_text()
                          + (folder / "private.pem").read_text(), 0o600)
        self.tls_in = (f"ssl crt {scratch.dir}/server.pem ca-file {scratch.dir}/ca/ca.pem "
                       "verify required ssl-min-ver TLSv1.3")
        self.tls_out = (f"ssl crt {scratch.dir}/client.pem ca-file {scratch.dir}/ca/ca.pem "
                        "verify required verifyhost localhost ssl-min-ver TLSv1.3")
        self.scratch = scratch
        far = {name: free_port() for name in SERVICES}
        self.middle = {name: free_port() for name in SERVICES}
        near = {name: free_port() for name in SERVICES}
        targets = {name: getattr(services, name) for name in SERVICES}
        self.start("far", far, targets, self.tls_in, "")
        self.relay = self.start("middle", self.middle, far, self.tls_in, self.tls_out)
        self.start("near", near, self.middle, "", self.tls_out)
        vars(self).update(near)

    def start(self, name, ports, targets, bind, server):
        parts = "".join(f"""
listen {service}
    bind 127.0.0.1:{port} {bind}
    server next 127.0.0.1:{targets[service]} {server}
""" for service, port in ports.items())
        conf = self.scratch.write(f"{name}.cfg", f"""
global
    maxconn 8000
    tune.ssl.cachesize 0
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
{parts}""")
        process = self.scratch.start("haproxy", "-db", "-f", conf)
        wait_for(lambda: all(answers(port) for port in ports.values()), f"haproxy, {name}")
        return process

    def cpu(self):
        return cpu_tree(self.relay.pid)
