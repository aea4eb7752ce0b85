"""Sealed sessions that go bare, beside the same that are not sealed: MB/s, and CPU a GB."""

import types

from bulk import iperf3
from chains import POLLS
from processes import cpu_tree, quiet
from report import Target, is_noisy
from rounds import column, interleave

LIMIT = 60  # seconds, for each way
WAYS = [("to the service", []), ("from the service", ["-R"])]


def chain(bench, name, mode):
    """An agent and a relay-stone of their own, which seal or do not."""
    relay = bench.relay
    folder = relay.client(name)
    agent = relay.agent(folder, bench.services.bulk, POLLS)
    port = relay.stone(name, folder, relay.bin / "relay-stone", "-q", f"seal={mode}",
                       "-q", "CAfile=ca/ca.pem")
    ends = [agent.pid, relay.scratch.processes[-1].pid]
    return types.SimpleNamespace(
        bulk=port, cpu=lambda: (relay.cpu(), sum(cpu_tree(pid) for pid in ends)))


def load(bench, ends, options):
    """MB/s, and CPU seconds a GB, of the relay and of both ends."""
    before = [quiet(lambda i=i: ends.cpu()[i]) for i in (0, 1)]
    received = iperf3(bench, ends.bulk, options)
    used = [quiet(lambda i=i: ends.cpu()[i]) - before[i] for i in (0, 1)]
    gigabytes = received["bytes"] / 1e9
    return {"rate": received["bits_per_second"] / 8e6, "relay": used[0] / gigabytes,
            "ends": used[1] / gigabytes}


def measure(bench):
    bench.report.section("Sealed")
    chains = {"unsealed": chain(bench, "unsealed", "off"), "bare": chain(bench, "bare", "require")}
    for name, options in WAYS:
        results = interleave(bench, {word: lambda c=one: load(bench, c, options)
                                     for word, one in chains.items()}, LIMIT)
        for field, what, target in (("rate", "MB/s", Target(1, "x", at_least=True)),
                                    ("relay", "CPU s/GB of the relay", Target(0.5, "x")),
                                    ("ends", "CPU s/GB of the ends", Target(1.1, "x"))):
            found = column(results, field)
            bench.report.say(f"{name}, {what}: " + "  ".join(
                f"{word} {figure:.2f}" for word, figure in found.items()))
            noisy = is_noisy(*([one[field] for one in values] for values in results.values()))
            bench.report.measure(f"1 stream {name}, {what}, bare to unsealed",
                                 found["bare"] / found["unsealed"], "x", target, noisy=noisy)
