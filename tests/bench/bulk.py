"""Bulk: MB/s beside OpenSSH's and haproxy's chains, and the relay's CPU a GB.

The relay's side of a chain with stones is all handlers and the broker; of the
chain of haproxies it is the middle one.
"""

import json
import subprocess
import time

from processes import quiet
from report import Target, is_noisy
from rounds import SPARE_SECONDS, column, interleave

LIMIT = 70  # seconds, for each way
TRIES = 20  # iperf3 refuses while its last client is not quite gone
STONES = ("stone", "relay-stone")
WAYS = [
    ("1 stream to the service", []),
    ("1 stream from the service", ["-R"]),
    ("8 streams to the service", ["-P8"]),
    ("8 streams from the service", ["-P8", "-R"]),
]


def iperf3(bench, port, options):
    """What the receiver counts: bytes, bits a second; None where iperf3 is busy."""
    result = subprocess.run(
        ["iperf3", "-J", "-c", "127.0.0.1", "-p", str(port), "-t", str(bench.seconds), *options],
        text=True, capture_output=True, timeout=SPARE_SECONDS, check=False)
    return json.loads(result.stdout)["end"].get("sum_received")


def load(bench, chain, options):
    """MB/s, how much that was, and the relay's CPU seconds a GB."""
    cpu = getattr(chain, "cpu", lambda: 0)
    for _ in range(TRIES):
        before = quiet(cpu)
        received = iperf3(bench, chain.bulk, options)
        if received is not None:
            used = quiet(cpu) - before
            gigabytes = received["bytes"] / 1e9
            return {"rate": received["bits_per_second"] / 8e6, "gigabytes": gigabytes,
                    "cpu": used / gigabytes}
        time.sleep(0.3)
    raise SystemExit("bench: iperf3 does not work through a chain")


def measure(bench):
    bench.report.section("Bulk")
    for name, options in WAYS if not bench.quick else (WAYS[0], WAYS[3]):
        results = interleave(bench, {chain: lambda i=instance: load(bench, i, options)
                                     for chain, instance in bench.chains.items()}, LIMIT)
        rates, cpu = column(results, "rate"), column(results, "cpu")
        best = max(STONES, key=rates.get)
        bench.report.say(name + ", MB/s: " + "  ".join(
            f"{chain} {rate:.0f}" for chain, rate in rates.items()))
        bench.report.say(" " * len(name) + "  CPU s/GB: " + "  ".join(
            f"{chain} {cpu[chain]:.2f}" for chain in (*STONES, "haproxy")))
        for peer, target in (("OpenSSH", 1.5), ("haproxy", 1)):
            noisy = is_noisy(*([one["rate"] for one in results[c]] for c in (best, peer)))
            bench.report.measure(f"{name}, {best} to {peer}", rates[best] / rates[peer], "x",
                                 Target(target, "x", at_least=True), noisy=noisy)
        noisy = is_noisy(*([one["cpu"] for one in results[c]] for c in (best, "haproxy")))
        bench.report.measure(f"{name}, CPU, relay to haproxy", cpu[best] / cpu["haproxy"], "x",
                             Target(1, "x"), noisy=noisy)

