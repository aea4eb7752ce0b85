"""Who types, and redis-benchmark: alone, beside bulk, and on a busy machine."""

import contextlib
import csv
import os
import sys
import types

from chains import TOOLS
from mux import shared
from report import Target, is_noisy, median
from rounds import interleave, numbers, run

LIMIT = 20  # seconds, for each
PAUSE = 10  # ms between two keys
STONE = "stone"
OURS = ("relay-stone", "shared")
PIPELINE, CLIENTS = 16, 4


def keystrokes(bench, port):
    """Median and 99 % of a byte's way to and fro, ms."""
    took = numbers(run(TOOLS / "pingpong", port, bench.pick(300, 100), PAUSE))
    return types.SimpleNamespace(p50=took["p50"], p99=took["p99"])


def redis(bench, port):
    """The same of 16 requests in one go."""
    rows = csv.DictReader(run(
        "redis-benchmark", "-h", "127.0.0.1", "-p", port, "-P", PIPELINE, "-c", CLIENTS,
        "-n", bench.pick(40000, 8000), "-t", "get", "--csv").splitlines())
    row = next(rows)
    return types.SimpleNamespace(p50=float(row["p50_latency_ms"]), p99=float(row["p99_latency_ms"]))


@contextlib.contextmanager
def bulk(bench, port):
    """A stream each way through the same port, and so, where they share one, the same session."""
    process = bench.scratch.start("sh", "-c", f"exec busybox nc 127.0.0.1 {port} </dev/zero >/dev/null")
    yield
    bench.scratch.stop(process)


@contextlib.contextmanager
def busy(bench, _port):
    """As many processes as there are processors that do nothing but work."""
    started = [bench.scratch.start(sys.executable, "-c", "while True: pass")
               for _ in range(os.cpu_count())]
    yield
    for process in started:
        bench.scratch.stop(process)


@contextlib.contextmanager
def alone(_bench, _port):
    """Nothing else."""
    yield


def beside(bench, load, chain, what):
    with load(bench, chain.echo):
        return what(bench, getattr(chain, PORTS[what]))


PORTS = {keystrokes: "echo", redis: "redis"}


def compare(bench, chains, name, what, load):
    results = interleave(bench, {chain: lambda c=instance: beside(bench, load, c, what)
                                 for chain, instance in chains.items()}, LIMIT)
    figures = {chain: [[getattr(one, field) for one in values] for field in ("p50", "p99")]
               for chain, values in results.items()}
    bench.report.say(f"{name}, p50 / p99, us: " + "  ".join(
        f"{chain} {median(p50) * 1e3:.0f} / {median(p99) * 1e3:.0f}"
        for chain, (p50, p99) in figures.items()))
    for chain in OURS:
        for i, field in enumerate(("p50", "p99")):
            ours, theirs = figures[chain][i], figures[STONE][i]
            bench.report.measure(f"{name}, {field}, {chain} to stone", median(ours) / median(theirs),
                                 "x", Target(1.1, "x"), noisy=is_noisy(ours, theirs))


def measure(bench):
    bench.report.section("Interactive: one key at a time, and 16 requests in one go, through "
                         "relay-stone and Debian's stone")
    chains = {name: bench.chains[name] for name in (STONE, "relay-stone", "haproxy")}
    chains["shared"] = shared(bench.relay, "echo", "redis")
    for name, load in (("alone", alone), ("beside bulk", bulk), ("on a busy machine", busy)):
        compare(bench, chains, f"keys {name}", keystrokes, load)
    compare(bench, chains, "redis", redis, alone)
