"""relayctl's longest table, and what it costs a pairing meanwhile."""

import time

from broker import Load, most_waiters
from report import Target, is_noisy, median
from rounds import interleave, run

LIMIT = 40  # seconds
PAUSE_US = 1000  # between pairings: they shall meet listings, not each other


def round_of_both(bench, load, command, pairings):
    """The slowest pairing without listings; then with, and the listings' ms."""
    alone = load.tell("pair", pairings, PAUSE_US)
    times = []
    load.send("pair", pairings, PAUSE_US)
    end = time.monotonic() + pairings * PAUSE_US / 1e6
    while time.monotonic() < end:
        start = time.monotonic()
        run(*command)
        times.append((time.monotonic() - start) * 1e3)
    beside = load.receive()
    return {"alone": alone["max"], "max": beside["max"], "p50": beside["p50"],
            "work": beside["work"] - alone["work"], "times": times}


def measure(bench):
    agents = most_waiters()
    bench.report.section(f"relayctl agents: a listing of {agents:,}")
    load = Load(bench)
    load.tell("wait", agents)
    command = (bench.relay.bin / "relayctl", "-c", bench.relay.conf, "agents")
    results = interleave(bench, {"relay": lambda: round_of_both(
        bench, load, command, bench.pick(500, 300))}, LIMIT)["relay"]
    load.stop()
    times = [ms for one in results for ms in one["times"]]
    bench.report.measure("a listing", median(times), "ms", Target(200, "ms"),
                         noisy=is_noisy(times))
    slowest = [one["max"] for one in results]
    alone = [one["alone"] for one in results]
    work = [one["work"] for one in results]
    bench.report.measure(
        "the slowest pairing meanwhile", median(slowest), "ms", Target(5, "ms"),
        detail=f"of the median round; {max(slowest):.1f} of all. Without a listing "
        f"{median(alone):.1f} and {max(alone):.1f}. The median pairing "
        f"{median([one['p50'] for one in results]):.2f}", noisy=is_noisy(slowest))
    bench.report.measure(
        "the broker's work within it", median(work), "ms", Target(5, "ms"),
        detail="the most CPU time of the broker within a pairing, above that without a "
        "listing; the rest is the scheduler's, or was taken from this machine",
        noisy=is_noisy(work))
