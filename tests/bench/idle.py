"""What agents that only wait cost: memory, CPU, and the next pairing."""

import time

import latency
from chains import POLLS, TOOLS
from processes import cpu_tree, memory_kib
from report import Target

FEW = 50  # handlers that share their pages
PER_CERTIFICATE = 1000  # of one certificate, 1,024 may wait
SAMPLE = 200  # handlers whose memory is read
THREADS = 8
IDLE_AFTER = 3  # seconds; a handler gives its free memory back when it has waited for one
KEEPALIVE = 30  # seconds between an agent's empty lines, and the relay's


def hold(bench, name, count, option="-i", threads=THREADS):
    """Starts count agents, and returns their process when all are there, or parked."""
    process = bench.scratch.start(TOOLS / "tlsload", option, bench.relay.port,
                                  *bench.relay.files(name), count, threads, talk=True)
    word = process.stdout.readline().split()
    if word != ["idle", str(count)]:
        raise SystemExit(f"bench: of {count} idle agents there are {word}")
    return process


def pss(pids):
    """Mean of what each has for itself, KiB; None where we may not know."""
    try:
        return sum(memory_kib(pid, "Pss") for pid in pids) / len(pids)
    except PermissionError:
        return None


def newcomers(bench, before, count):
    return [pid for pid in bench.relay.handlers() if pid not in before][:count]


def few(bench):
    """Memory of a handler, the mean of a few: what they share counts in parts."""
    before = set(bench.relay.handlers())
    process = hold(bench, "idle.0", FEW)
    memory_line(bench, before, FEW)
    bench.scratch.stop(process)
    bench.relay.settle(len(before))


def memory_line(bench, before, count):
    time.sleep(IDLE_AFTER)
    figure = pss(newcomers(bench, before, min(count, SAMPLE)))
    if figure is None:
        bench.report.say("memory of a handler: not measured, that needs root")
        return
    # MB, as the target is in MB
    bench.report.measure(f"PSS of one of {count:,} idle agent handlers", figure * 1024 / 1e6, "MB",
                         Target(0.35, "MB"))


def many(bench, agents, window):
    relay = bench.relay
    before = set(relay.handlers())
    start = time.monotonic()
    holders = [hold(bench, f"idle.{i}", min(PER_CERTIFICATE, agents - i * PER_CERTIFICATE))
               for i in range((agents + PER_CERTIFICATE - 1) // PER_CERTIFICATE)]
    bench.report.say(f"{agents:,} agents came within {time.monotonic() - start:.0f} s")
    memory_line(bench, before, agents)
    cpu, broker, start = relay.cpu(), cpu_tree(relay.broker.pid), time.monotonic()
    time.sleep(window)
    took = time.monotonic() - start
    percent = (relay.cpu() - cpu) / took * 100
    of_broker = (cpu_tree(relay.broker.pid) - broker) / took * 100
    bench.report.measure(f"CPU of {agents:,} idle agents, of one core", percent, "%",
                         Target(1, "%"), detail=f"over {window} s, broker {of_broker:.3f} % of it; "
                         f"each side sends an empty line every {KEEPALIVE} s",
                         noisy=window < 2 * KEEPALIVE)
    bench.report.measure(f"broker, RSS, {agents:,} idle agents",
                         memory_kib(relay.broker.pid, "Rss") * 1024 / 1e6, "MB", Target(8, "MB"))
    with bench.agents("web", 1, POLLS):
        latency.pairings(bench, f"pairing, p99, {agents:,} idle agents", "web", at_once=2)
    for process in holders:
        bench.scratch.stop(process)
    relay.settle(len(before))


def measure(bench):
    bench.report.section("Idle agents under relay-listen")
    few(bench)
    many(bench, bench.pick(5000, 1000), bench.idle_seconds)
