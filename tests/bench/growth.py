"""Sessions a second and their CPU as more of them are there at once.

A session is all of it: handshake, pairing, the agent's answer, a page from the
service, the end; and the agent's new poll. Beside it the same clients fetch the
page through two haproxies, one for the relay and one for the agent.
"""

import pathlib

import plot
from processes import quiet
from report import is_noisy
from rounds import CROWD, column, interleave, tlsload

LIMIT = 110  # seconds
LEVELS = (1, 10, 100, 1000)
SESSIONS = {1: 100, 10: 300, 100: 600, 1000: 1500}  # in a round
PLOT = pathlib.Path(__file__).parent / "growth.svg"


def load(chain_cpu, settle, port, files, at_once, count):
    before = quiet(chain_cpu)
    result = tlsload(port, files, count, at_once, "-s")
    settle()
    good = count - result["failed"]
    return {"rate": good / result["seconds"], "failed": result["failed"],
            "cpu": (quiet(chain_cpu) - before) * 1e3 / max(good, 1)}


def grow(bench, haproxy, levels):
    """Loads of all levels through both, by chain and level."""
    relay = bench.relay
    files = relay.files(CROWD[0])
    handlers = len(relay.handlers())
    actions = {}
    for level in levels:
        count = bench.pick(SESSIONS[level], max(SESSIONS[level] // 5, level))
        actions["relay", level] = lambda n=level, c=count: load(
            relay.cpu, lambda: relay.settle(handlers), relay.port, files, n, c)
        actions["haproxy", level] = lambda n=level, c=count: load(
            haproxy.cpu, lambda: None, haproxy.middle["web"], files, n, c)
    return interleave(bench, actions, LIMIT)


def show(bench, levels, results):
    rates, cpu, failed = (column(results, field) for field in ("rate", "cpu", "failed"))
    bench.report.say(f"{'at once':>8}  {'sessions/s':>10}  {'CPU ms':>8}  {'haproxy, 1/s':>12}  "
                     f"{'CPU ms':>8}")
    for level in levels:
        ours, peer = ("relay", level), ("haproxy", level)
        noisy = is_noisy(*([one["cpu"] for one in results[c]] for c in (ours, peer)))
        bad = failed[ours] + failed[peer]
        bench.report.say(
            f"{level:8,}  {rates[ours]:10.0f}  {cpu[ours]:8.2f}  {rates[peer]:12.0f}  "
            f"{cpu[peer]:8.2f}" + (" (noisy)" if noisy else "")
            + (f" {bad:.0f} failed" if bad else ""))
    if not bench.quick:
        PLOT.write_text(plot.two_panels(
            ("sessions/s", "CPU of the relay, ms a session"), "sessions at once", [
                [(chain, [(level, figures[chain, level]) for level in levels])
                 for chain in ("relay", "haproxy")] for figures in (rates, cpu)]))


def measure(bench):
    bench.report.section("Growth: sessions at once, each made anew as one ends")
    levels = LEVELS if not bench.quick else LEVELS[:3]
    certificate, agents, polls = CROWD
    haproxy = bench.chains["haproxy"]  # before agents come: those of the chains stay
    with bench.agents(certificate, bench.pick(agents, 2), polls):
        results = grow(bench, haproxy, levels)
    show(bench, levels, results)
