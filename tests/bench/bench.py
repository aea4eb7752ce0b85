#!/usr/bin/env python3
"""The benchmarks: what the relay costs beside real peers in the same run.

usage: bench.py [quick] [MEASURE...]

Each measure is a module with one function, measure(bench). Machines are shared
and noisy, so what is compared takes turns, medians are told, and what counts is
the ratio. Nothing here is a test: it fails only where something breaks.
"""

import contextlib
import functools
import os
import pathlib
import re
import signal
import sys
import time

import broker
import bulk
import cluster
import connect
import crossing
import growth
import idle
import interactive
import latency
import listing
import mux
import parked
import restart
import sealed
import short
from chains import HAProxy, OpenSSH, ROOT, Relay, Services
from processes import Scratch, raise_files
from report import Report
from rounds import Settings, run

# In this order: set-up comes before any agent waits.
MEASURES = {module.__name__: module.measure for module in (
    connect, short, mux, bulk, sealed, latency, interactive, growth, idle, parked, broker, listing,
    restart, cluster, crossing)}
NAMED = ["restart", "cluster", "crossing"]  # they take long, and are done where they are asked for
WHOLE_SECONDS, QUICK_SECONDS = 14 * 60 + 45, 115  # what is not done by then is left out


class Bench(Settings):
    """What the measures share."""

    def __init__(self, quick, scratch, report):
        super().__init__(quick)
        self.idle_seconds = int(os.environ.get("BENCH_IDLE_SECONDS", self.pick(60, 10)))
        self.root, self.scratch, self.report = ROOT, scratch, report
        self.services = Services(scratch)
        self.relay = Relay(scratch)

    @functools.cached_property
    def chains(self):
        """The ways to the services, by name; relay-stone's is that of the same relay."""
        self.relay.start_chains(self.services)
        return {"stone": self.relay, "relay-stone": self.relay.ours,
                "OpenSSH": OpenSSH(self.scratch, self.services),
                "haproxy": HAProxy(self.scratch, self.relay, self.services)}

    @contextlib.contextmanager
    def agents(self, certificate, processes, polls):
        """That many relayagents with so many polls each, which lead to the web page."""
        before = len(self.relay.handlers())
        folder = self.relay.client(certificate)
        started = [self.relay.agent(folder, self.services.web, polls) for _ in range(processes)]
        yield
        for agent in started:
            self.scratch.stop(agent)
        self.relay.settle(before)


def machine(bench):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    version = run("openssl", "version").split()[1]
    load = os.getloadavg()[0]
    print(f"machine: {os.cpu_count()} x {model[1] if model else os.uname().machine}, "
          f"Linux {os.uname().release.split('-')[0]}, OpenSSL {version}; "
          f"medians of {bench.rounds} rounds; load before: {load:.1f}")
    if load > 1:
        print("the machine has other work: what follows is noisy, whether it says so or not")


class TimeIsUp(Exception):
    """The whole run's time."""


def end(number, _frame):
    """A signal: all that was started is ended on the way out."""
    if number == signal.SIGALRM:
        raise TimeIsUp
    raise SystemExit(f"bench: {signal.Signals(number).name}")


def arguments(words):
    """Whether it is to be quick, and what to measure."""
    quick = words[:1] == ["quick"]
    names = words[1:] if quick else words
    if not set(names) <= set(MEASURES):
        raise SystemExit(f"usage: bench.py [quick] [MEASURE...], of {' '.join(MEASURES)}")
    return quick, [name for name in MEASURES
                   if name in names or (not names and name not in NAMED)]


def main():
    quick, names = arguments(sys.argv[1:])
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    for number in ends:
        signal.signal(number, end)
    signal.alarm(int(os.environ.get("BENCH_SECONDS", QUICK_SECONDS if quick else WHOLE_SECONDS)))
    start = time.monotonic()
    raise_files()
    scratch, report = Scratch(), Report()
    try:
        bench = Bench(quick, scratch, report)
        machine(bench)
        for name in names:
            MEASURES[name](bench)
        signal.alarm(0)
    except TimeIsUp:
        report.section("The time is up, the machine is slow: what is missing was not measured")
    finally:
        for number in ends:
            signal.signal(number, signal.SIG_IGN)
        scratch.close()
    report.table()
    print(f"\n{time.monotonic() - start:.0f} s; load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
