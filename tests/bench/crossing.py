"""A session of which each end is at another relay, on this host, beside one of a
single relay: set-up and MB/s."""

import copy
import re
import types

from bulk import load
from chains import POLLS
from processes import answers, free_port, wait_for
from report import Target, is_noisy
from rounds import column, interleave, run
from sealed import first_bytes

LIMIT = 60  # seconds, for each measure
NAMES = ("tokyo", "osaka")
SERVICES = ("bulk", "echo")
WAYS = [("1 stream to the service", []), ("1 stream from the service", ["-R"])]


def start_relays(bench):
    """Two that have each other as peers, with the certificates of ours."""
    scratch, first = bench.scratch, bench.relay
    nodes = scratch.dir / "crossing"
    for words in (("init",), *(("node", name) for name in NAMES)):
        run(first.bin / "relay-ca", "-d", nodes, *words)
    scratch.own(nodes)
    at = {name: free_port() for name in NAMES}
    return [start_relay(scratch, first, name, at) for name in NAMES]


def start_relay(scratch, first, name, at):
    relay = copy.copy(first)
    relay.port = free_port()
    text = re.sub(r"(?m)^handoff = .*\n", "", first.conf.read_text())
    for key, value in (("listen", f"127.0.0.1:{relay.port}"), ("socket", f"run/{name}.sock")):
        text = re.sub(rf"(?m)^{key} = .*", f"{key} = {value}", text)
    relay.conf = scratch.write(f"{name}.conf", text + f"""
peer_listen = 127.0.0.1:{at[name]}
peer_certificate = crossing/node/{name}/cert.pem
peer_key = crossing/node/{name}/private.pem
peer_ca = crossing/ca.pem
""" + "".join(f"peer = {other} 127.0.0.1:{port}\n" for other, port in at.items()))
    relay.broker = scratch.start(relay.bin / "relay-broker", "-c", relay.conf)
    wait_for((scratch.dir / f"run/{name}.sock").exists, f"relay-broker of {name}")
    relay.listen = scratch.start(relay.bin / "relay-listen", "-c", relay.conf)
    relay.peer = scratch.start(relay.bin / "relay-peer", "-c", relay.conf)
    wait_for(lambda: answers(relay.port), f"relay-listen of {name}")
    wait_for(lambda: relay.status()["peer_pid"], f"relay-peer of {name}")
    return relay


def chain(bench, name, stones, agents):
    """Of relay-stone at one relay and relayagent at another, or the same, which seal."""
    made = types.SimpleNamespace()
    for service in SERVICES:
        folder = agents.client(f"{name}-{service}")
        agents.agent(folder, getattr(bench.services, service), POLLS)
        setattr(made, service, stones.stone(
            f"{name}-{service}", folder, stones.bin / "relay-stone", "-q", "CAfile=ca/ca.pem",
            "--sessions", "0"))
    return made


def with_bare(relay, yes, action):
    """The action, while sessions at this relay may go bare, or not."""
    relay.bare(yes)
    return action()


def ratio(bench, results, name, field, other, target):
    """Of a crossing to what is there without one."""
    found = column(results, field)
    noisy = is_noisy(*([one[field] for one in results[word]] for word in ("crossing", other)))
    bench.report.measure(f"{name}, crossing to {other}", found["crossing"] / found[other], "x",
                         target, noisy=noisy)


def measure(bench):
    bench.report.section("Crossing: the stone at one relay, the agent at another, both on this host")
    tokyo, osaka = start_relays(bench)
    near, far = chain(bench, "near", tokyo, tokyo), chain(bench, "far", tokyo, osaka)
    count = bench.pick(100, 30)
    results = interleave(bench, {"local": lambda: first_bytes(near.echo, count),
                                 "crossing": lambda: first_bytes(far.echo, count)}, LIMIT)
    bench.report.say("set-up, p50, ms: " + "  ".join(
        f"{word} {figure:.1f}" for word, figure in column(results, "p50").items()))
    ratio(bench, results, "session set-up, p50", "p50", "local", Target(2, "x"))
    for name, options in WAYS:
        # what crosses is sealed, and never bare
        results = interleave(bench, {
            "bare": lambda o=options: with_bare(tokyo, True, lambda: load(bench, near, o)),
            "sealed": lambda o=options: with_bare(tokyo, False, lambda: load(bench, near, o)),
            "crossing": lambda o=options: load(bench, far, o)}, LIMIT)
        bench.report.say(f"{name}, MB/s: " + "  ".join(
            f"{word} {rate:.0f}" for word, rate in column(results, "rate").items()))
        for other in ("sealed", "bare"):
            ratio(bench, results, f"{name}, MB/s", "rate", other, Target(0.8, "x", at_least=True))
