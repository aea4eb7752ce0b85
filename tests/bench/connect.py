"""What a connection costs the server: relay-listen and xinetd to the yardstick.

A connection is all of it: accept, fork, mutual TLS 1.3, request head,
registration with the broker, the 200, the client's close, exit.
"""

import re
import types

from chains import TOOLS, Relay
from processes import Scratch, answers, children, cpu_tree, free_port, reaped_faults, wait_for
from report import Target, is_noisy
from rounds import column, interleave, tlsload

AT_ONCE = 8
LIMIT = 100  # seconds
USES = 100  # that a handler has
KEYD = "relay-listen + relay-keyd"
MANY = f"{KEYD}, {USES} uses"


class Server:
    """A process that serves one port, with what it relies on and the broker."""

    def __init__(self, name, port, process, broker=None, helpers=()):
        self.name, self.port, self.process, self.broker = name, port, process, broker
        self.pids = [process.pid, *(helper.pid for helper in helpers)]

    def children(self):
        return sum(len(children(pid)) for pid in self.pids)

    def cpu(self):
        return sum(cpu_tree(pid) for pid in self.pids)

    def broker_cpu(self):
        return 0.0 if self.broker is None else cpu_tree(self.broker.pid)

    def faults(self):
        return sum(reaped_faults(pid) for pid in self.pids)

    def round(self, files, count):
        """Milliseconds of CPU and page faults of a connection, and ms alone."""
        idle = self.children()
        cpu, broker, faults = self.cpu(), self.broker_cpu(), self.faults()
        load = tlsload(self.port, files, count, AT_ONCE)
        # what has not been waited for does not count yet
        wait_for(lambda: self.children() <= idle, f"{self.name}: the handlers' end")
        result = {
            "broker": (self.broker_cpu() - broker) * 1e3 / count,
            "faults": (self.faults() - faults) / count,
            "failed": load["failed"],
            "rate": count / load["seconds"],
        }
        result["cpu"] = (self.cpu() - cpu) * 1e3 / count + result["broker"]
        alone = tlsload(self.port, files, max(count // 3, 30), 1)
        return result | {"alone": alone["p50"], "failed": result["failed"] + alone["failed"]}


def yardstick(bench):
    port, scratch = free_port(), bench.scratch
    process = scratch.start(TOOLS / "yardstick", port, scratch.dir / "ca/server/localhost/cert.pem",
                            scratch.dir / "ca/server/localhost/private.pem",
                            scratch.dir / "ca/ca.pem")
    wait_for(lambda: answers(port), "yardstick")
    return Server("in-process", port, process)


def xinetd(bench, server, *helpers):
    """The entry that is installed, with another program, user and port."""
    port, scratch = free_port(), bench.scratch
    folder = scratch.dir / f"xinetd.{port}"
    folder.mkdir()
    scratch.own(folder)
    entry = (bench.root / "xinetd.d/vpn-warp-relay").read_text()
    for old, new in ((r"@libexecdir@/[\w-]+", str(bench.relay.bin / server)),
                     ("@sysconfdir@/vpn-warp/relay.conf", str(bench.relay.conf)),
                     ("@handler_user@", "nobody"), ("@user@", "nogroup"), ("= 443", f"= {port}"), ("= yes", "= no")):
        entry, found = re.subn(old, new, entry)
        assert found, old
    conf = scratch.write(f"xinetd.{port}/conf", entry)
    process = scratch.start("/usr/sbin/xinetd", "-dontfork", "-f", conf, "-pidfile", folder / "pid",
                            "-filelog", folder / "log", user=True)
    wait_for(lambda: answers(port), "xinetd")
    name = f"xinetd + {server}"
    return Server(name + (f", {USES} uses" if helpers[1:] else ""), port, process, bench.relay.broker, helpers)


def alone(bench, *lines):
    """A relay of its own, whose key relay-keyd has, as bench.relay is of bench."""
    scratch = Scratch()
    relay = Relay(scratch, *lines, has_keyd=True)
    wait_for(lambda: relay.status()["spawners"] == 1, "relay-listen at the broker")
    return types.SimpleNamespace(root=bench.root, scratch=scratch, relay=relay)


def listen(on, name):
    relay = on.relay
    return Server(name, relay.port, relay.listen, relay.broker, relay.helpers)


def measure(bench):
    bench.report.section("Connection set-up: server CPU of one connection, as a multiple of the "
                         "in-process server's")
    apart = alone(bench)
    many = alone(bench, f"handler_uses = {USES}")
    found = {
        yardstick(bench): bench,
        listen(bench, "relay-listen"): bench,
        listen(apart, KEYD): apart,
        listen(many, MANY): many,
        xinetd(bench, "relay-handler"): bench,
        xinetd(bench, "relay-handoff", bench.relay.listen): bench,
        xinetd(many, "relay-handoff", many.relay.listen, *many.relay.helpers): many,
    }
    files = {server: on.relay.files("connect") for server, on in found.items()}
    for server in found:
        tlsload(server.port, files[server], 20, 2)  # warm
    count = {server: bench.pick(400, 80) if "xinetd" in server.name else bench.pick(1000, 200)
             for server in found}
    results = interleave(bench, {server: lambda s=server: s.round(files[s], count[s])
                                 for server in found}, LIMIT)
    show(bench.report, list(found), results)
    for on in (apart, many):
        on.scratch.close()
    for server, on in found.items():
        if on is bench and server.process is not bench.relay.listen:
            bench.scratch.stop(server.process)


def show(report, found, results):
    """A line for each server, and the ratios to the first."""
    fields = ("cpu", "broker", "faults", "alone", "rate", "failed")
    figures = {field: column(results, field) for field in fields}
    base = found[0]
    for server in found:
        get = {field: figures[field][server] for field in fields}
        failed = f", {get['failed']:.0f} failed" if get["failed"] else ""
        report.say(
            f"{server.name:25} {get['cpu']:.2f} ms (broker {get['broker']:.3f}), "
            f"{get['faults']:.0f} page faults, p50 alone {get['alone']:.2f} ms, "
            f"{get['rate']:.0f}/s{failed}")
    # of the ways with xinetd and one use the last is the one to take
    for server, target in ((found[1], 1.8), (found[3], 1.3), (found[5], 4), (found[6], 2.5)):
        noisy = is_noisy(*([one["cpu"] for one in results[s]] for s in (server, base)))
        report.measure(f"set-up, {server.name}", figures["cpu"][server] / figures["cpu"][base], "x",
                       Target(target, "x"), noisy=noisy)
    noisy = is_noisy(*([one["cpu"] for one in results[s]] for s in found[1:3]))
    report.measure("set-up, relay-keyd and proof, to relay-listen without",
                   figures["cpu"][found[2]] / figures["cpu"][found[1]], "x", Target(1.2, "x"),
                   noisy=noisy)
    noisy = is_noisy(*([one["alone"] for one in results[s]] for s in found[:2]))
    report.measure("set-up, relay-listen, p50 alone",
                   figures["alone"][found[1]] / figures["alone"][base], "x", Target(1.3, "x"),
                   noisy=noisy)
