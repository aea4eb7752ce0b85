"""Parked agents whose broker is restarted: all come back, and not all at once."""

import copy
import signal
import time

from chains import ROOT, Relay
from parked import crowd, end, most
from processes import Scratch, wait_for
from report import Target

WAIT = 600
LINES = "park_after = 1", "handler_uses = 100"  # what a relay of so many agents has
STORE = ROOT / "tests/lib/fdstore.py"  # a service manager that keeps descriptors


def await_broker(relay, starts=1):
    """Until one answers, and can wake: the last of so many in the log."""
    wait_for(lambda: relay.broker.log.read_text().count(" start ") == starts, "the broker", WAIT)
    wait_for(lambda: relay.status()["spawners"] == 1, "relay-listen at the broker", WAIT)


def back(bench, what, count, strike):
    """How long after strike() all are parked again, and how many of them in one second."""
    relay = bench.relay
    start = time.monotonic()
    strike()
    counts, at = [0], start
    while counts[-1] < count:
        if time.monotonic() - start > WAIT:
            raise SystemExit(f"bench: of {count} parked agents {counts[-1]} are back")
        at += 1
        time.sleep(max(0, at - time.monotonic()))
        counts.append(relay.parked())
    bench.report.measure(f"until {count:,} agents are parked again, {what}",
                         time.monotonic() - start, "s", Target(120, "s"))
    fullest = max(later - earlier for earlier, later in zip(counts, counts[1:]))
    return fullest / count * 100


def killed(bench, count):
    """SIGKILL: their connections are reset, and all have to come back."""
    relay = bench.relay
    holders = crowd(bench, 0, count, "-b")

    def strike():
        bench.scratch.stop(relay.broker)
        relay.broker = bench.scratch.start(relay.bin / "relay-broker", "-c", "relay.conf")
        await_broker(relay)

    fullest = back(bench, "broker killed", count, strike)
    bench.report.measure("of these, in the fullest second", fullest, "%", Target(10, "%"))
    end(bench, holders)


def restarted(bench, count):
    """In order, where the service manager keeps their connections: none notices."""
    relay = bench.relay
    bench.scratch.stop(relay.broker)
    relay.broker = bench.scratch.start("python3", "-SB", STORE, relay.bin / "relay-broker",
                                       "-c", "relay.conf")
    await_broker(relay)
    holders = crowd(bench, 0, count, "-b")

    def strike():
        relay.broker.send_signal(signal.SIGHUP)
        await_broker(relay, starts=2)

    back(bench, "broker restarted, fd store", count, strike)
    bench.report.say(f"{relay.status()['parked_total']:,} of them had to come back")
    end(bench, holders)


def measure(bench):
    bench.report.section("Parked agents whose broker is restarted")
    alone = copy.copy(bench)
    alone.scratch = Scratch()
    try:
        alone.relay = Relay(alone.scratch, *LINES, has_keyd=True)
        await_broker(alone.relay)
        count = bench.pick(most(), 1000)
        killed(alone, count)
        restarted(alone, count)
    finally:
        alone.scratch.close()
