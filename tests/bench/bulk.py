"""Bulk: MB/s beside OpenSSH's and haproxy's chains, and the relay's CPU a GB.

The relay's side of a chain with stones is all handlers and the broker; of the
chain of haproxies it is the middle one.
"""

import json
import subprocess

from report import Target, is_noisy
from rounds import column, interleave, run

LIMIT = 90  # seconds, for each way
TRIES = 3  # iperf3 refuses while its last client is not quite gone
STONES = ("stone", "relay-stone")
WAYS = [
    ("1 stream to the service", []),
    ("1 stream from the service", ["-R"]),
    ("8 streams to the service", ["-P8"]),
    ("8 streams from the service", ["-P8", "-R"]),
]


def iperf3(bench, port, options):
    """Bytes a second, and all bytes, as the receiver counts them."""
    for attempt in range(TRIES):
        try:
            text = run("iperf3", "-J", "-c", "127.0.0.1", "-p", port, "-t", bench.seconds, *options,
                       seconds=30)
            received = json.loads(text)["end"]["sum_received"]
            return received["bits_per_second"] / 8, received["bytes"]
        except subprocess.CalledProcessError as error:
            if attempt == TRIES - 1:
                raise SystemExit(f"bench: iperf3: {error.stdout[-300:]}") from error


def load(bench, chain, options):
    """MB/s, and the relay's CPU seconds a GB."""
    before = chain.cpu() if hasattr(chain, "cpu") else 0
    rate, size = iperf3(bench, chain.bulk, options)
    after = chain.cpu() if hasattr(chain, "cpu") else 0
    return {"rate": rate / 1e6, "cpu": (after - before) / (size / 1e9)}


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

