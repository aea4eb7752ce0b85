"""Sealed sessions, bare and not, beside the same that are not sealed, an OpenSSH
chain and one of three haproxies: MB/s, CPU a GB, latency, and set-up."""

import contextlib
import os
import socket
import time
import types

from bulk import load as other_load
from bulk import iperf3
from chains import POLLS, SERVICES, TOOLS
from processes import cpu_tree, memory_kib, quiet
from report import Target, is_noisy, median
from rounds import column, interleave, numbers, run

LIMIT = 60  # seconds, for each way
SOME = bytes(262144)  # that a session has carried when its memory is read
REST = 4  # seconds after which a handler has given back what it does not need
LONG = 8  # seconds of 8 streams: what 8 sessions cost to set up is no cost of their bytes
MODES = {"unsealed": "off", "sealed": "require", "bare": "require"}


def chain(bench, name, mode):
    """Agents and relay-stones of their own, which seal or do not."""
    relay = bench.relay
    made = types.SimpleNamespace(ends=[])
    for service in SERVICES:
        folder = relay.client(f"{name}-{service}")
        agent = relay.agent(folder, getattr(bench.services, service), POLLS)
        setattr(made, service, relay.stone(
            f"{name}-{service}", folder, relay.bin / "relay-stone", "-q", f"seal={mode}",
            "-q", "CAfile=ca/ca.pem", "--sessions", "0"))
        made.ends += [agent.pid, relay.scratch.processes[-1].pid]
    return made


def with_bare(bench, name, action):
    """The action, with the relay as the chain of this name needs it."""
    if name == "sealed":
        bench.relay.bare(False)
    result = action()
    if name == "sealed":
        bench.relay.bare(True)
    return result


def load(bench, made, options):
    """MB/s, and CPU seconds a GB, of the relay and of the whole tunnel."""
    def used():
        return bench.relay.cpu(), sum(cpu_tree(pid) for pid in made.ends)

    before = [quiet(lambda i=i: used()[i]) for i in (0, 1)]
    received = None
    while received is None:  # iperf3 is busy with its last client
        received = iperf3(bench, made.bulk, options)
    relay, ends = (quiet(lambda i=i: used()[i]) - before[i] for i in (0, 1))
    gigabytes = received["bytes"] / 1e9
    return {"rate": received["bits_per_second"] / 8e6, "cpu": relay / gigabytes,
            "tunnel": (relay + ends) / gigabytes}


def ssh_load(bench, options):
    ssh = bench.chains["OpenSSH"]
    before = quiet(ssh.tunnel_cpu)
    result = other_load(bench, ssh, options)
    return result | {"tunnel": (quiet(ssh.tunnel_cpu) - before) / result["gigabytes"]}


def ratio(bench, results, name, field, one, other, target):
    found = column({word: results[word] for word in (one, other)}, field)
    noisy = is_noisy(*([each[field] for each in results[word]] for word in (one, other)))
    bench.report.measure(f"{name}, {one} to {other}", found[one] / found[other], "x", target,
                         noisy=noisy)


def ways(bench):
    """Names, and what iperf3 is told."""
    many = ["-P8", "-t", str(bench.pick(LONG, 1))]
    found = [("1 stream to the service", []), ("1 stream from the service", ["-R"]),
             ("8 streams to the service", many), ("8 streams from the service", [*many, "-R"])]
    return found if not bench.quick else [found[0], found[3]]


def bulk(bench, made):
    for name, options in ways(bench):
        actions = {word: lambda w=word, c=one: with_bare(bench, w, lambda: load(bench, c, options))
                   for word, one in made.items()}
        actions["OpenSSH"] = lambda o=options: ssh_load(bench, o)
        actions["haproxy"] = lambda o=options: other_load(bench, bench.chains["haproxy"], o)
        results = interleave(bench, actions, LIMIT)
        rates, cpu = column(results, "rate"), column(results, "cpu")
        bench.report.say(f"{name}, MB/s: " + "  ".join(
            f"{word} {rate:.0f}" for word, rate in rates.items()))
        bench.report.say(" " * len(name) + "  CPU s/GB of the relay: " + "  ".join(
            f"{word} {cpu[word]:.2f}" for word in (*made, "haproxy")))
        if "1 stream" in name:
            ratio(bench, results, f"{name}, MB/s", "rate", "bare", "OpenSSH",
                  Target(1.8, "x", at_least=True))
        else:
            ratio(bench, results, f"{name}, MB/s", "rate", "bare", "haproxy",
                  Target(1.2, "x", at_least=True))
        ratio(bench, results, f"{name}, MB/s", "rate", "sealed", "unsealed",
              Target(0.8, "x", at_least=True))
        ratio(bench, results, f"{name}, the relay's CPU", "cpu", "bare", "haproxy",
              Target(0.3, "x"))
        ratio(bench, results, f"{name}, the whole tunnel's CPU", "tunnel", "bare", "OpenSSH",
              Target(0.45, "x"))


def ping_pong(bench, made):
    count = bench.pick(3000, 1000)
    results = interleave(bench, {
        word: lambda w=word, c=one: with_bare(bench, w, lambda: numbers(
            run(TOOLS / "pingpong", c.echo, count))) for word, one in made.items()}, LIMIT)
    for what in ("p50", "p99"):
        found = column(results, what)
        bench.report.say(f"ping-pong, {what}, us: " + "  ".join(
            f"{word} {figure * 1e3:.0f}" for word, figure in found.items()))
        ratio(bench, results, f"ping-pong, {what}", what, "bare", "unsealed", Target(1, "x"))


def first_bytes(port, count):
    """From a connection to the first byte that comes back, one at a time: ms."""
    def first_byte():
        start = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), LIMIT) as sock:
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
            return time.perf_counter() - start

    return {"p50": median([first_byte() for _ in range(count)]) * 1e3}


def set_up(bench, made):
    count = bench.pick(100, 30)
    results = interleave(bench, {word: lambda c=each: first_bytes(c.echo, count)
                                 for word, each in made.items() if word != "sealed"}, LIMIT)
    found = column(results, "p50")
    bench.report.say("set-up, p50, ms: " + "  ".join(
        f"{word} {figure:.1f}" for word, figure in found.items()))
    ratio(bench, results, "session set-up, p50", "p50", "bare", "unsealed", Target(1.5, "x"))


def memory(bench, made):
    """What a session has for itself in both its handlers, after some bytes and when it rests."""
    count = bench.pick(50, 20)

    def all_handlers():
        return sum(memory_kib(pid, "Pss") for pid in bench.relay.handlers())

    def one(port):
        bench.relay.settle(resting)
        start = all_handlers()
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), LIMIT))
                sock.sendall(SOME)
                if len(sock.makefile("rb").read(len(SOME))) != len(SOME):
                    raise SystemExit("bench: a session ended before its memory was read")
            time.sleep(REST)
            return {"pss": (all_handlers() - start) / count}

    if os.geteuid() != 0:
        bench.report.say("memory of a session: not measured, that needs root")
        return
    time.sleep(REST)  # sessions end, and polls come in their places
    resting = len(bench.relay.handlers())
    results = interleave(bench, {word: lambda c=each: one(c.echo)
                                 for word, each in made.items() if word != "sealed"}, LIMIT)
    found = column(results, "pss")
    bench.report.say("memory of a live session, both handlers, kB: " + "  ".join(
        f"{word} {figure * 1.024:.0f}" for word, figure in found.items()))
    ratio(bench, results, "memory of a live session", "pss", "bare", "unsealed", Target(0.7, "x"))


def measure(bench):
    bench.report.section("Sealed: beside a session that is not, OpenSSH and haproxy")
    made = {name: chain(bench, name, mode) for name, mode in MODES.items()}
    bulk(bench, made)
    ping_pong(bench, made)
    set_up(bench, made)
    memory(bench, made)
