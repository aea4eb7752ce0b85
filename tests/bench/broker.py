"""The broker alone: what a registration and a pairing cost it."""

import resource

from chains import TOOLS
from processes import own_cpu, quiet
from report import Target, is_noisy, median
from rounds import interleave, numbers

LIMIT = 60  # seconds
WAITERS = (10, 100, 1000, 10000, 20000)
SPARE_FILES = 600  # of the broker, beside waiters
FLAT = 1.3


class Load:
    """brokerload, which does what it is told."""

    def __init__(self, bench):
        self.bench = bench
        self.process = bench.scratch.start(
            TOOLS / "brokerload", bench.scratch.dir / "run/broker.sock", user=True, talk=True)

    def send(self, *words):
        print(*words, file=self.process.stdin, flush=True)

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: brokerload ended: {self.process.log.read_text()}")
        return numbers(line)

    def tell(self, *words):
        self.send(*words)
        return self.receive()

    def stop(self):
        self.bench.scratch.stop(self.process)


def most_waiters():
    """20,000, or as many as one process may have open here."""
    return min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_FILES)


def microseconds(bench, load, *words):
    """Of the broker's CPU, for each of what brokerload is told."""
    def cpu():
        return own_cpu(bench.relay.broker.pid)

    before = quiet(cpu)
    load.tell(*words)
    return (quiet(cpu) - before) * 1e6 / words[1]


def round_of_all(bench):
    """Microseconds of a registration, and of a pairing with ever more waiters."""
    count, load = bench.pick(3000, 1000), Load(bench)
    try:
        costs = {"registration": microseconds(bench, load, "register", count)}
        for waiters in WAITERS if not bench.quick else WAITERS[:4]:
            there = min(waiters, most_waiters())
            load.tell("wait", there)
            costs[there] = microseconds(bench, load, "pair", count, 0)
        return costs
    finally:
        load.stop()


def measure(bench):
    bench.report.section("The broker: what a second of its CPU does")
    rounds = interleave(bench, {"broker": lambda: round_of_all(bench)}, LIMIT)["broker"]
    costs = {what: median([one[what] for one in rounds]) for what in rounds[0]}
    values = {what: [one[what] for one in rounds] for what in costs}
    bench.report.measure("registrations a second", 1e6 / costs["registration"], "1/s",
                         Target(20000, "1/s", at_least=True), noisy=is_noisy(values["registration"]),
                         detail="connect, REGISTER, WELCOME, close; 50 come at a time")
    sizes = [what for what in costs if what != "registration"]
    slowest = max(sizes, key=costs.get)
    bench.report.measure("pairings a second", 1e6 / costs[slowest], "1/s",
                         Target(5000, "1/s", at_least=True), noisy=is_noisy(values[slowest]),
                         detail="both sides' registrations, MATCHED, END and close, with "
                         f"{slowest:,} waiters")
    bench.report.say("cost of a pairing: " + "  ".join(
        f"{costs[size]:.0f} us at {size:,}" for size in sizes))
    bench.report.measure(f"pairing at {sizes[-1]:,} waiters to one at {sizes[0]}",
                         costs[sizes[-1]] / costs[sizes[0]], "x", Target(FLAT, "x"),
                         noisy=is_noisy(values[sizes[0]], values[sizes[-1]]))
