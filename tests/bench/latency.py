"""What the way takes: one byte to and fro, and a new session's first answer."""

from chains import TOOLS
from report import Target, is_noisy, median
from rounds import CROWD, column, interleave, numbers, run, tlsload

LIMIT = 35  # seconds, for each
STONES = ("stone", "relay-stone")
AT_ONCE = 4  # sessions that are being made


def ping_pong(bench):
    bench.report.section("Latency: one byte to and fro in a session that is there, to the chain of "
                         "three haproxies")
    count = bench.pick(3000, 1000)
    results = interleave(bench, {
        chain: lambda i=instance: numbers(run(TOOLS / "pingpong", i.echo, count))
        for chain, instance in bench.chains.items()}, LIMIT)
    p50, p99 = column(results, "p50"), column(results, "p99")
    bench.report.say("p50 / p99, us: " + "  ".join(
        f"{chain} {p50[chain] * 1e3:.0f} / {p99[chain] * 1e3:.0f}" for chain in bench.chains))
    best = min(STONES, key=p50.get)
    for what, figures in (("p50", p50), ("p99", p99)):
        noisy = is_noisy(*([one[what] for one in results[c]] for c in (best, "haproxy")))
        bench.report.measure(f"ping-pong, {what}, {best} to haproxy",
                             figures[best] / figures["haproxy"], "x", Target(1.6, "x"), noisy=noisy)


def pairings(bench, name, certificate, count=None, at_once=AT_ONCE):
    """From a stone's connect to its agent's answer, with so many waiting agents."""
    files = bench.relay.files(certificate)
    results = interleave(bench, {"relay": lambda: tlsload(
        bench.relay.port, files, count or bench.pick(400, 150), at_once, "-s")}, LIMIT)
    p99 = [one["p99"] for one in results["relay"]]
    failed = sum(one["failed"] for one in results["relay"])
    median_p50 = median([one["p50"] for one in results["relay"]])
    bench.report.measure(name, median(p99), "ms", Target(50, "ms"),
                         detail=f"{at_once} at a time; p50 {median_p50:.1f} ms"
                         + (f"; {failed:.0f} failed" if failed else ""), noisy=is_noisy(p99))


def measure(bench):
    ping_pong(bench)
    bench.report.section("Pairing: from a stone's connect to the first byte of its agent's answer")
    with bench.agents(*CROWD):
        pairings(bench, "pairing, p99, 1,008 agents wait", CROWD[0])
