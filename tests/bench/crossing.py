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


def ratio(bench, results, name, field, words, target):
    """Of a crossing to what is there without one."""
    found = column(results, field)
    crossing, local = words
    noisy = is_noisy(*([one[field] for one in results[word]] for word in words))
    bench.report.measure(f"{name}, {crossing} to {local}", found[crossing] / found[local], "x",
                         target, noisy=noisy)


def measure(bench):
    bench.report.section("Crossing: the stone at one relay, the agent at another, both on this host")
    tokyo, osaka = start_relays(bench)
    # a waiting agent's handler goes on with the bare of its beginning: so each has agents of its own
    made = {f"{where}, {mode}": chain(bench, f"{where}-{mode}", tokyo, agents)
            for mode in ("bare", "sealed") for where, agents in (("local", tokyo), ("crossing", osaka))}
    count = bench.pick(100, 30)
    results = interleave(bench, {word: lambda c=made[f"{word}, bare"]: first_bytes(c.echo, count)
                                 for word in ("local", "crossing")}, LIMIT)
    bench.report.say("set-up, p50, ms: " + "  ".join(
        f"{word} {figure:.1f}" for word, figure in column(results, "p50").items()))
    ratio(bench, results, "session set-up, p50", "p50", ("crossing", "local"), Target(2, "x"))
    for name, options in WAYS:
        actions = {word: lambda c=each, b=word.endswith("bare"), o=options: with_bare(
            tokyo, b, lambda: load(bench, c, o)) for word, each in made.items()}
        results = interleave(bench, actions, LIMIT)
        bench.report.say(f"{name}, MB/s: " + "  ".join(
            f"{word} {rate:.0f}" for word, rate in column(results, "rate").items()))
        for mode in ("bare", "sealed"):
            ratio(bench, results, f"{name}, MB/s", "rate", (f"crossing, {mode}", f"local, {mode}"),
                  Target(0.8, "x", at_least=True))
