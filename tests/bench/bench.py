#!/usr/bin/env python3
"""The benchmarks: ratios against real peers in the same run.

"ratio" is the relay with Debian's stone to OpenSSH, "of stones" is relay-stone
to Debian's stone on the same relay.

usage: bench.py [quick]

These machines are shared and noisy, so the rounds of all chains take turns,
medians are told, and what counts is the ratio. Nothing here is a test.
"""

import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

import mux
from chains import ROOT, OpenSSH, Relay, Scratch, Services, wait_for

QUICK = "quick" in sys.argv[1:]
ROUNDS = 3 if QUICK else 5
SECONDS = 2 if QUICK else 5
IDLE_AGENTS = 50
NOISY = 0.25  # of the median, between the quartiles


def run(*command):
    """A load's output; it is bounded by its own duration and by this."""
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          capture_output=True, timeout=SECONDS * 10 + 60).stdout


def requests_per_second(port):
    """Short HTTP connections, 16 at a time, each of its own."""
    text = run("wrk", "-c16", "-t2", f"-d{SECONDS}s", "-H", "Connection: close",
               f"http://127.0.0.1:{port}/")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def slowest_percent(port):
    """How long all but 1 % of short connections take at most, ms; 4 at a time."""
    text = run("wrk", "-c4", "-t2", f"-d{SECONDS}s", "--latency", "-H", "Connection: close",
               f"http://127.0.0.1:{port}/")
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def bulk(port, *options):
    """MB/s of one or more streams, as the receiver counts them."""
    result = json.loads(run("iperf3", "-J", "-c", "127.0.0.1", "-p", port, "-t", SECONDS,
                            *options))
    return result["end"]["sum_received"]["bits_per_second"] / 8e6


MEASURES = [
    ("short connections", "1/s", lambda chain: requests_per_second(chain.web)),
    ("short connections, p99", "ms", lambda chain: slowest_percent(chain.web)),
    ("bulk, to the service", "MB/s", lambda chain: bulk(chain.bulk)),
    ("bulk, from the service", "MB/s", lambda chain: bulk(chain.bulk, "-R")),
    ("bulk, 8 streams", "MB/s", lambda chain: bulk(chain.bulk, "-P8")),
]


def compare(chains):
    """Lets the chains take turns at each measure; prints a line each."""
    for name, unit, measure in MEASURES:
        figures = {chain: [] for chain in chains}
        for _ in range(ROUNDS):
            for chain, instance in chains.items():
                figures[chain].append(measure(instance))
        medians = {chain: statistics.median(values) for chain, values in figures.items()}
        ratio = medians["relay"] / medians["openssh"]
        ours = medians["relay-stone"] / medians["relay"]
        columns = "  ".join(f"{chain} {median:8.0f}" for chain, median in medians.items())
        print(f"{name:24} {columns}  {unit:5} ratio {ratio:5.2f}  of stones {ours:5.2f}"
              f"{noise(figures)}", flush=True)


def noise(figures):
    """Says so where a chain's figures spread too far to tell."""
    for values in figures.values():
        low, _, high = statistics.quantiles(values, n=4)
        if (high - low) / statistics.median(values) > NOISY:
            return "  (noisy)"
    return ""


def handlers(listen):
    children = pathlib.Path(f"/proc/{listen.pid}/task/{listen.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def waiting(listen):
    """How many agents have come to wait so far."""
    return listen.log.read_text().count(": agent-waits ")


def idle_memory(scratch, relay):
    """PSS of a handler whose agent only waits, KiB, the mean of many."""
    folder = relay.client("idle")
    before, waits = set(handlers(relay.listen)), waiting(relay.listen)
    scratch.start(relay.bin / "relayagent", "-n", "-m", IDLE_AGENTS, "-k",
                  folder / "private.pem", "-c", folder / "cert.pem", "-a", "ca/ca.pem",
                  f"localhost:{relay.port}", "127.0.0.1:1", user=True)
    wait_for(lambda: waiting(relay.listen) >= waits + IDLE_AGENTS, "idle agents")
    idle = [pid for pid in handlers(relay.listen) if pid not in before][:IDLE_AGENTS]
    pss = [int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(),
                         re.M)[1]) for pid in idle]
    print(f"{'idle agent handler':24} {statistics.mean(pss):.0f} KiB PSS (mean of {len(pss)})")


def listing(scratch, relay):
    """relayctl's longest table, and what it costs a pairing meanwhile."""
    agents = min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)
    many = subprocess.Popen(
        [sys.executable, ROOT / "tests/handlers.py", scratch.dir / "run/broker.sock",
         str(agents), "nobody"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    times = []
    many.stdout.readline()
    for _ in range(ROUNDS * 2):
        start = time.monotonic()
        run(relay.bin / "relayctl", "-c", scratch.dir / "relay.conf", "agents")
        times.append((time.monotonic() - start) * 1e3)
    paired = [float(line.split()[1]) for line in many.communicate()[0].splitlines()]
    print(f"listing of {agents} agents  {statistics.median(times):.0f} ms; pairing meanwhile "
          f"{statistics.median(paired):.2f} ms, {max(paired):.2f} ms at most of {len(paired)}")


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    version = run("openssl", "version").split()[1]
    print(f"machine: {os.cpu_count()} x {model[1] if model else os.uname().machine}, "
          f"Linux {os.uname().release.split('-')[0]}, OpenSSL {version}; "
          f"medians of {ROUNDS} rounds of {SECONDS} s; "
          f"load before: {os.getloadavg()[0]:.1f}")


def main():
    scratch = Scratch()
    try:
        services = Services(scratch)
        relay = Relay(scratch, services)
        chains = {"relay": relay, "relay-stone": relay.ours,
                  "openssh": OpenSSH(scratch, services)}
        machine()
        compare(chains)
        mux.compare(relay, chains["openssh"], ROUNDS, SECONDS)
        idle_memory(scratch, relay)
        listing(scratch, relay)
    finally:
        scratch.close()


if __name__ == "__main__":
    main()
