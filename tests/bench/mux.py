"""Connections that share sessions, beside those that have one each, and OpenSSH's channels."""

import json
import re
import time
import types

from processes import quiet, wait_for
from report import Target, is_noisy, median
from rounds import interleave, run

LIMIT = 40  # seconds, for each measure
SESSIONS = 1  # one process each side: what it carries, it carries in few writes
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def shared(relay, *services):
    """Ports of relay-stones whose connections to these services share sessions."""
    ports = types.SimpleNamespace()
    for name in services:
        before = relay.broker.log.read_text().count(": paired ")
        setattr(ports, name, relay.stone(
            name, relay.client(name), relay.bin / "relay-stone", "-q", "CAfile=ca/ca.pem",
            "--sessions", SESSIONS))
        wait_for(lambda start=before: relay.broker.log.read_text().count(": paired ")
                 >= start + SESSIONS, "shared sessions")
    return ports


def wrk(bench, port, *options):
    return run("wrk", f"-d{bench.seconds}s", "--latency", *options, f"http://127.0.0.1:{port}/")


def per_second(bench, ports):
    """Short HTTP connections, 16 at a time."""
    text = wrk(bench, ports.web, "-c16", "-t2", "-H", "Connection: close")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def kept(bench, ports):
    """How long 50 and 99 % of the requests of one kept connection take at most, ms."""
    text = wrk(bench, ports.web, "-c1", "-t1")
    found = (re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", text) for percent in (50, 99))
    return [float(one[1]) * UNITS[one[2]] for one in found]


def stream(bench, ports, *options):
    """MB/s of one, as the receiver counts them."""
    while True:  # the server may not be through with the last one
        result = json.loads(run("iperf3", "-J", "-c", "127.0.0.1", "-p", ports.bulk,
                                "-t", bench.seconds, *options))
        if "busy" not in result.get("error", ""):
            return result["end"]["sum_received"]["bits_per_second"] / 8e6
        time.sleep(0.2)


def relay_cpu(bench, ports):
    """Of the relay for one of many short connections, ms."""
    before = quiet(bench.relay.cpu)
    connections = per_second(bench, ports) * bench.seconds
    return (quiet(bench.relay.cpu) - before) / connections * 1e3


def columns(results):
    return "  ".join(f"{name} {median(values):.3g}" for name, values in results.items())


def measure(bench):
    bench.report.section("Connections that share a session (relay-stone --sessions)")
    ways = {name: bench.chains[name] for name in ("stone", "relay-stone", "OpenSSH")}
    ways["shared"] = shared(bench.relay, "web", "bulk")

    def turns(load, *names):
        return interleave(bench, {name: lambda w=ways[name]: load(bench, w) for name in names},
                          LIMIT)

    def tell(what, results, yardstick, target):
        ratio = median(results["shared"]) / median(results[yardstick])
        bench.report.measure(what, ratio, "x", target, columns(results),
                             is_noisy(*results.values()))

    tell("short connections, to OpenSSH", turns(per_second, *ways), "OpenSSH",
         Target(2, "x", at_least=True))
    both = turns(kept, "OpenSSH", "shared")
    for i, percent in enumerate((50, 99)):
        tell(f"kept connection, p{percent}, to OpenSSH",
             {name: [one[i] for one in values] for name, values in both.items()}, "OpenSSH",
             Target(1, "x"))
    for what, options in (("to", ()), ("from", ("-R",))):
        tell(f"bulk {what} the service, to one session each",
             turns(lambda b, w, o=options: stream(b, w, *o), "relay-stone", "shared"),
             "relay-stone", Target(0.9, "x", at_least=True))
    results = turns(relay_cpu, "relay-stone", "shared")
    bench.report.say(f"relay CPU for a short connection, ms: {columns(results)}")
