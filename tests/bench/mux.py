"""Sessions that are shared by many connections, beside those that are not.

The chain is relay-stone's with --sessions; the rest of it is the same.
"""

import json
import re
import subprocess
import time
import types

from chains import wait_for
from processes import quiet
from report import Target, is_noisy, median
from rounds import SPARE_SECONDS, interleave, run
from short import per_second

LIMIT = 40  # seconds, for each measure
SESSIONS = 1
TRIES = 20  # iperf3 refuses while its last client is not quite gone
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def shared_chain(relay):
    """relay-stones whose connections share sessions."""
    shared = types.SimpleNamespace(cpu=relay.cpu)
    for name in ("web", "bulk"):
        before = relay.broker.log.read_text().count(": paired ")
        setattr(shared, name, relay.stone(
            name, relay.client(name), relay.bin / "relay-stone", "-q", "CAfile=ca/ca.pem",
            "--sessions", SESSIONS))
        wait_for(lambda start=before: relay.broker.log.read_text().count(": paired ")
                 >= start + SESSIONS, "shared sessions")
    return shared


def short(bench, chain):
    """Connections of one request each, 1/s, and the relay's CPU for one, ms."""
    cpu = getattr(chain, "cpu", lambda: 0)
    before = quiet(cpu)
    rate = per_second(bench, chain.web)
    return {"rate": rate, "cpu": (quiet(cpu) - before) / (rate * bench.seconds) * 1e3}


def kept(bench, chain):
    """Requests of one kept connection, ms: the median, and what 99 % take at most."""
    text = run("wrk", "-c1", "-t1", f"-d{bench.seconds}s", "--latency",
               f"http://127.0.0.1:{chain.web}/")
    found = (re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", text).groups()
             for percent in (50, 99))
    return dict(zip(("p50", "p99"), (float(value) * UNITS[unit] for value, unit in found)))


def bulk(bench, chain, options):
    """MB/s of one stream, as the receiver counts them."""
    for _ in range(TRIES):
        result = subprocess.run(
            ["iperf3", "-J", "-c", "127.0.0.1", "-p", str(chain.bulk), "-t",
             str(bench.seconds), *options],
            text=True, capture_output=True, timeout=SPARE_SECONDS, check=False)
        received = json.loads(result.stdout)["end"].get("sum_received")
        if received is not None:
            return {"rate": received["bits_per_second"] / 8e6}
        time.sleep(0.3)
    raise SystemExit("bench: iperf3 does not work through a chain")


def compare(bench, chains, load, *words):
    """Rounds of one load through these chains; returns a function for its medians."""
    results = interleave(bench, {name: lambda c=chain: load(bench, c, *words)
                                 for name, chain in chains.items()}, LIMIT)

    def figures(field):
        series = {name: [one[field] for one in values] for name, values in results.items()}
        medians = {name: median(values) for name, values in series.items()}
        bench.report.say(f"{field}: " + "  ".join(
            f"{name} {value:.3g}" for name, value in medians.items()))
        return medians, is_noisy(*series.values())

    return figures


def measure(bench):
    bench.report.section("Connections that share a session (relay-stone --sessions "
                         f"{SESSIONS}), to the OpenSSH chain")
    names = ("stone", "relay-stone", "OpenSSH")
    chains = {name: bench.chains[name] for name in names}
    chains["shared"] = shared_chain(bench.relay)
    both = {name: chains[name] for name in ("shared", "OpenSSH")}

    figures = compare(bench, chains, short)
    rate, noisy = figures("rate")
    bench.report.measure("shared: short connections, to OpenSSH", rate["shared"] / rate["OpenSSH"],
                         "x", Target(2, "x", at_least=True), noisy=noisy)
    figures("cpu")
    figures = compare(bench, both, kept)
    for field in ("p50", "p99"):
        took, noisy = figures(field)
        bench.report.measure(f"shared: kept connection, {field}, to OpenSSH",
                             took["shared"] / took["OpenSSH"], "x", Target(1, "x"), noisy=noisy)
    own = {name: chains[name] for name in ("shared", "relay-stone")}
    for way, options in (("to", []), ("from", ["-R"])):
        rate, noisy = compare(bench, own, bulk, options)("rate")
        bench.report.measure(f"shared: 1 stream {way} the service, to relay-stone",
                             rate["shared"] / rate["relay-stone"], "x",
                             Target(0.9, "x", at_least=True), noisy=noisy)
