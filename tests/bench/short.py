"""Short HTTP connections, each of its own, beside an OpenSSH chain."""

import re

from report import is_noisy, median
from rounds import interleave, run

LIMIT = 35  # seconds, for each measure


def per_second(bench, port):
    """16 at a time."""
    text = run("wrk", "-c16", "-t2", f"-d{bench.seconds}s", "-H", "Connection: close",
               f"http://127.0.0.1:{port}/")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def slowest_percent(bench, port):
    """How long all but 1 % take at most, ms; 4 at a time."""
    text = run("wrk", "-c4", "-t2", f"-d{bench.seconds}s", "--latency", "-H", "Connection: close",
               f"http://127.0.0.1:{port}/")
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def measure(bench):
    bench.report.section("Short connections (no target: what multiplexing is for)")
    chains = {name: bench.chains[name] for name in ("stone", "relay-stone", "OpenSSH")}
    for what, unit, load in (("connections", "1/s", per_second), ("p99", "ms", slowest_percent)):
        results = interleave(bench, {name: lambda c=chain: load(bench, c.web)
                                     for name, chain in chains.items()}, LIMIT)
        columns = "  ".join(f"{name} {median(values):.0f}" for name, values in results.items())
        noisy = " (noisy)" if is_noisy(*results.values()) else ""
        bench.report.say(f"{what + ', ' + unit:20} {columns}{noisy}")
