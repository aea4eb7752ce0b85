#!/usr/bin/env python3
"""The benchmarks: what the relay costs beside real peers in the same run.

usage: bench.py [quick | idle]

Each measure is a module with one function, measure(bench). Machines are shared
and noisy, so what is compared takes turns, medians are told, and what counts is
the ratio. Nothing here is a test: it fails only where something breaks.
"""

import os
import pathlib
import re
import signal
import sys
import time

import broker
import bulk
import connect
import growth
import idle
import latency
import listing
import short
from chains import HAProxy, OpenSSH, ROOT, Relay, Services
from processes import Scratch
from report import Report
from rounds import Settings, run

WHOLE_SECONDS = {"": 14 * 60 + 50, "quick": 118, "idle": 14 * 60 + 50}
IDLE_SECONDS = {"": 60, "quick": 10, "idle": 600}


class Bench(Settings):
    """What the measures share."""

    def __init__(self, mode, scratch):
        super().__init__(mode == "quick")
        self.idle_seconds = int(os.environ.get("BENCH_IDLE_SECONDS", IDLE_SECONDS[mode]))
        self.root, self.scratch, self.report = ROOT, scratch, Report()
        self.services = Services(scratch)
        self.relay = Relay(scratch)

    def start_chains(self):
        self.relay.start_chains(self.services)
        self.chains = {"stone": self.relay, "relay-stone": self.relay.ours,
                       "OpenSSH": OpenSSH(self.scratch, self.services),
                       "haproxy": HAProxy(self.scratch, self.relay, self.services)}


def measure_all(bench):
    connect.measure(bench)  # before any agent waits
    bench.start_chains()
    # a further measure of the chains goes here
    short.measure(bench)
    bulk.measure(bench)
    with_crowd(bench, latency.measure, growth.measure)
    idle.measure(bench)
    broker.measure(bench)
    listing.measure(bench)
    bench.report.table()


def with_crowd(bench, *measures):
    """Measures while a thousand agents wait."""
    before = len(bench.relay.handlers())
    crowd = bench.relay.crowd(bench.services)
    for measure in measures:
        measure(bench)
    for agent in crowd:
        bench.scratch.stop(agent)
    bench.relay.settle(before)


def machine(bench):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    version = run("openssl", "version").split()[1]
    print(f"machine: {os.cpu_count()} x {model[1] if model else os.uname().machine}, "
          f"Linux {os.uname().release.split('-')[0]}, OpenSSL {version}; "
          f"medians of {bench.rounds} rounds; load before: {os.getloadavg()[0]:.1f}")


def end(number, _frame):
    """A signal, or the time is up: all that was started is ended on the way out."""
    reason = "it took too long" if number == signal.SIGALRM else signal.Signals(number).name
    raise SystemExit(f"bench: {reason}")


def main():
    mode = "".join(sys.argv[1:])
    if mode not in WHOLE_SECONDS:
        raise SystemExit("usage: bench.py [quick | idle]")
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    for number in ends:
        signal.signal(number, end)
    signal.alarm(WHOLE_SECONDS[mode])
    start = time.monotonic()
    scratch = Scratch()
    try:
        bench = Bench(mode, scratch)
        machine(bench)
        if mode == "idle":
            bench.relay.agent(bench.relay.client("web"), bench.services.web, 16)
            idle.measure(bench)
        else:
            measure_all(bench)
        print(f"\n{time.monotonic() - start:.0f} s; load after: {os.getloadavg()[0]:.1f}")
    finally:
        for number in ends:
            signal.signal(number, signal.SIG_IGN)
        scratch.close()


if __name__ == "__main__":
    main()
