"""What parked agents cost: to become one, to be one, to be woken, and to be ended."""

import copy
import pathlib
import re
import resource
import socket
import time

from chains import Relay
from idle import IDLE_AFTER, PER_CERTIFICATE, hold
from processes import Scratch, memory_kib, quiet, wait_for
from report import Target, is_noisy, median
from rounds import interleave

THREADS = 200  # in which a poll waits for a second until it is parked
POLLS = 4
LIMIT = 120  # seconds, for the first bytes
WAIT = 300
MOST = 20000
FDS_ELSE = 500  # that the broker needs beside those of who is parked


def crowd(bench, first, count, option="-p"):
    """So many more that are parked, and their processes; certificates from first on."""
    each = [min(PER_CERTIFICATE, count - i) for i in range(0, count, PER_CERTIFICATE)]
    return [hold(bench, f"parked.{first + i}", n, option, THREADS) for i, n in enumerate(each)]


def end(bench, holders):
    for process in holders:
        bench.scratch.stop(process)
    wait_for(lambda: bench.relay.parked() == 0, "the end of who is parked", WAIT)


def most():
    """As many as one broker may have descriptors for, where these do not suffice for all."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if limit == resource.RLIM_INFINITY else min(MOST, limit - FDS_ELSE)


def becoming(bench, count):
    """CPU of the relay for an agent that comes, waits and leaves, and for one that is parked too.

    Each has a handler, whose end counts in both.
    """
    def cost(option):
        there, before = len(bench.relay.handlers()), quiet(bench.relay.cpu)
        process = hold(bench, "parked.0", count, option, THREADS)
        if option == "-p":
            bench.relay.settle(there)
        else:
            time.sleep(IDLE_AFTER)  # it waits for as long as who is parked then
        bench.scratch.stop(process)
        bench.relay.settle(there)
        wait_for(lambda: bench.relay.parked() == 0, "the end of who is parked", WAIT)
        return (quiet(bench.relay.cpu) - before) / count * 1e3

    ways = interleave(bench, {"waits": lambda: cost("-i"),
                              "parked": lambda: cost("-p")}, LIMIT)
    mean = {name: median(values) for name, values in ways.items()}
    bench.report.measure("CPU of an agent that comes, is parked and leaves, to one that waits",
                         mean["parked"] / mean["waits"], "x", Target(1.15, "x"),
                         detail="ms of CPU: " + "  ".join(f"{k} {v:.2f}" for k, v in mean.items()),
                         noisy=is_noisy(*ways.values()))


def available():
    """Bytes."""
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"MemAvailable:\s+(\d+)", text)[1]) * 1024


def rss(relay):
    """Bytes of the broker."""
    return memory_kib(relay.broker.pid, "Rss") * 1024


def being(bench, some, all_of_them):
    """Memory and CPU of many, and how fast they are ended."""
    relay = bench.relay
    before, own, start = available(), rss(relay), time.monotonic()
    holders = crowd(bench, 0, some)
    cpu, since = relay.cpu(), time.monotonic()
    time.sleep(bench.idle_seconds)
    took = time.monotonic() - since
    bench.report.measure(f"CPU of {some:,} parked agents, of one core",
                         (relay.cpu() - cpu) / took * 100, "%", Target(0.3, "%"),
                         detail=f"over {took:.0f} s", noisy=bench.idle_seconds < 50)
    holders += crowd(bench, len(holders), all_of_them - some)
    bench.report.say(f"{all_of_them:,} agents were parked within {time.monotonic() - start:.0f} s")
    theirs = sum(memory_kib(process.pid, "Pss") for process in holders) * 1024
    grown = rss(relay) - own
    # the agents' ends of the connections are here too, and cost the kernel as much
    sockets = (before - available() - theirs - grown) / 2
    bench.report.measure(f"memory of one of {all_of_them:,} parked agents, all of it",
                         (grown + sockets) / all_of_them / 1e3, "kB", Target(8, "kB"),
                         detail=f"kB: broker {grown / all_of_them / 1e3:.2f}  "
                         f"one end's socket {sockets / all_of_them / 1e3:.2f}")
    bench.report.measure(f"broker, RSS, {all_of_them:,} parked agents",
                         rss(relay) / 1e6, "MB", Target(16, "MB"))
    customers = bench.scratch.dir / "customers"
    text = customers.read_text()
    customers.write_text(text + "allow = no\n")
    since = time.monotonic()
    relay.ctl("reload")
    wait_for(lambda: relay.parked() == 0, "the end of who is parked", WAIT)
    bench.report.measure(f"until {all_of_them:,} parked agents that may not be here are gone",
                         time.monotonic() - since, "s", Target(5, "s"))
    customers.write_text(text)
    relay.ctl("reload")
    end(bench, holders)


def first_byte(port):
    """Seconds from connect to the first byte of a page."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        if sock.recv(1) != b"H":
            raise SystemExit("bench: no page came")
        took = time.monotonic() - start
        while sock.recv(65536):
            pass
    return took


def waking(bench, rounds):
    """The first byte through a parked poll, to one through a poll that is ready."""
    relay = bench.relay
    folder = relay.client("wakes")
    port = relay.stone("wakes", folder, relay.bin / "relay-stone", "-q", "CAfile=ca/ca.pem",
                       "--sessions", "0")
    times = {}
    for name, seconds in (("ready", 0), ("parked", 1)):
        relay.set("park_after", seconds)
        agent = relay.agent(folder, bench.services.web, POLLS)
        times[name] = []
        for _ in range(rounds):
            if seconds:
                wait_for(lambda: relay.parked() >= POLLS, "parked polls", WAIT)
            times[name].append(first_byte(port) * 1e3)
        bench.scratch.stop(agent)
        wait_for(lambda: relay.parked() == 0 and not relay.handlers(), "the agent's end", WAIT)
    for what, of in (("p50", lambda v: median(v)), ("p99", lambda v: sorted(v)[len(v) * 99 // 100])):
        figures = {name: of(values) for name, values in times.items()}
        bench.report.measure(f"first byte through a parked poll to a ready one, {what}",
                             figures["parked"] / figures["ready"], "x", Target(2.5, "x"),
                             detail="ms: " + "  ".join(f"{k} {v:.1f}" for k, v in figures.items()),
                             noisy=rounds < 50)


def measure(bench):
    bench.report.section("Parked agents under relay-listen")
    alone = copy.copy(bench)
    alone.scratch = Scratch()
    try:
        alone.relay = Relay(alone.scratch)
        wait_for(lambda: alone.relay.status()["spawners"] == 1, "relay-listen at the broker")
        alone.relay.set("park_after", 1)
        becoming(alone, bench.pick(1000, 200))
        waking(alone, bench.pick(100, 10))
        being(alone, bench.pick(5000, 500), bench.pick(most(), 1000))
    finally:
        alone.scratch.close()
