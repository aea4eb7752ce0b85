"""Parked agents whose broker is restarted: all come back, and not all at once."""

import copy
import signal
import subprocess
import time

from chains import ROOT, Relay
from parked import crowd, end, most
from processes import Scratch, children, wait_for
from report import Target

WAIT = 600
STORE = ROOT / "tests/lib/fdstore.py"  # a service manager that keeps descriptors


def is_there(relay):
    """Whether the broker answers, and wakes."""
    try:
        return relay.status()["spawners"] == 1
    except subprocess.CalledProcessError:  # relayctl found none
        return False


def back(bench, what, count, strike):
    """How long after strike() all are parked again, and how many of them in one second."""
    relay = bench.relay
    start = time.monotonic()
    strike()
    wait_for(lambda: is_there(relay), "the next broker", WAIT)
    counts, at = [0], start
    while counts[-1] < count:
        if time.monotonic() - start > WAIT:
            raise SystemExit(f"bench: of {count} parked agents {counts[-1]} are back")
        at += 1
        time.sleep(max(0, at - time.monotonic()))
        counts.append(relay.parked())
    bench.report.measure(f"until {count:,} parked agents are parked again, {what}",
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

    fullest = back(bench, "the broker being killed", count, strike)
    bench.report.measure("of these, in the fullest second", fullest, "%", Target(10, "%"))
    end(bench, holders)


def restarted(bench, count):
    """In order, where the service manager keeps their connections: none notices."""
    relay = bench.relay
    bench.scratch.stop(relay.broker)
    relay.broker = bench.scratch.start("python3", "-SB", STORE, relay.bin / "relay-broker",
                                       "-c", "relay.conf")
    wait_for(lambda: is_there(relay), "the broker")
    holders = crowd(bench, 0, count, "-b")
    was = children(relay.broker.pid)

    def strike():
        relay.broker.send_signal(signal.SIGHUP)
        wait_for(lambda: children(relay.broker.pid) not in (was, []), "the next broker", WAIT)

    back(bench, "the broker being restarted with an fd store", count, strike)
    bench.report.say(f"{relay.status()['parked_total']:,} of them had to come back")
    end(bench, holders)


def measure(bench):
    bench.report.section("Parked agents whose broker is restarted")
    alone = copy.copy(bench)
    alone.scratch = Scratch()
    try:
        alone.relay = Relay(alone.scratch)
        wait_for(lambda: is_there(alone.relay), "relay-listen at the broker")
        alone.relay.set("park_after", 1)
        count = bench.pick(most(), 1000)
        killed(alone, count)
        restarted(alone, count)
    finally:
        alone.scratch.close()
