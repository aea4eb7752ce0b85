"""Sessions that are shared by many connections, beside those that are not.

The chain is that of chains.Relay with a third stone: relay-stone with
--sessions. All figures of a line are from rounds that take turns.
"""

import json
import pathlib
import re
import statistics
import subprocess
import time
import types

from chains import cpu_seconds, wait_for

SESSIONS = 1
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def chain(relay):
    """Ports of relay-stones whose connections share sessions."""
    shared = types.SimpleNamespace()
    for name in ("web", "bulk"):
        folder = relay.scratch.dir / "ca/client" / name
        before = relay.broker.log.read_text().count(": paired ")
        setattr(shared, name, relay.stone(
            name, folder, relay.bin / "relay-stone", "-q", "CAfile=ca/ca.pem",
            "--sessions", SESSIONS))
        wait_for(lambda start=before: relay.broker.log.read_text().count(": paired ")
                 >= start + SESSIONS, "shared sessions")
    return shared


class Loads:
    """What is sent through a chain, for so many seconds each."""

    def __init__(self, relay, seconds):
        self.relay, self.seconds = relay, seconds

    def run(self, *command):
        return subprocess.run([str(word) for word in command], check=True, text=True,
                              capture_output=True, timeout=self.seconds * 10 + 60).stdout

    def wrk(self, port, *options):
        return self.run("wrk", "-t2" if "-c16" in options else "-t1", f"-d{self.seconds}s",
                        "--latency", *options, f"http://127.0.0.1:{port}/")

    def short(self, ports):
        """Connections of one request each, 1/s."""
        text = self.wrk(ports.web, "-c16", "-H", "Connection: close")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])

    def kept(self, percent):
        """How long that many requests of one kept connection take at most, ms."""
        def measure(ports):
            text = self.wrk(ports.web, "-c1")
            value, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", text).groups()
            return float(value) * UNITS[unit]
        return measure

    def bulk(self, *options):
        """MB/s of one stream, as the receiver counts them."""
        def measure(ports):
            while True:  # its server may not be through with the last one
                result = json.loads(self.run("iperf3", "-J", "-c", "127.0.0.1", "-p",
                                             ports.bulk, "-t", self.seconds, *options))
                if "busy" not in result.get("error", ""):
                    return result["end"]["sum_received"]["bits_per_second"] / 8e6
                time.sleep(0.2)
        return measure

    def relay_cpu(self, ports):
        """Of the relay for a short connection, ms."""
        before = self.relay_seconds()
        connections = self.short(ports) * self.seconds
        return (self.relay_seconds() - before) / connections * 1e3

    def relay_seconds(self):
        """CPU time of the broker, the spawner, and all its handlers so far."""
        listen = self.relay.listen
        total = cpu_seconds(self.relay.broker) + cpu_seconds(listen)
        children = pathlib.Path(f"/proc/{listen.pid}/task/{listen.pid}/children").read_text()
        for pid in children.split():
            try:
                total += cpu_seconds(types.SimpleNamespace(pid=pid))
            except FileNotFoundError:  # it has ended meanwhile
                pass
        return total


def compare(relay, openssh, rounds, seconds):
    """Prints a line for each measure, with the ratio that counts."""
    loads = Loads(relay, seconds)
    chains = {"stone": relay, "relay-stone": relay.ours, "shared": chain(relay),
              "openssh": openssh}
    lines = [
        ("short connections", "1/s", loads.short, list(chains), "openssh"),
        ("kept connection, p50", "ms", loads.kept(50), ["shared", "openssh"], "openssh"),
        ("kept connection, p99", "ms", loads.kept(99), ["shared", "openssh"], "openssh"),
        ("bulk, to the service", "MB/s", loads.bulk(), ["relay-stone", "shared", "openssh"],
         "relay-stone"),
        ("bulk, from the service", "MB/s", loads.bulk("-R"),
         ["relay-stone", "shared", "openssh"], "relay-stone"),
        ("relay CPU, short connection", "ms", loads.relay_cpu, ["relay-stone", "shared"],
         "relay-stone"),
    ]
    print(f"shared: relay-stone with --sessions {SESSIONS}")
    for name, unit, measure, names, yardstick in lines:
        figures = {key: [] for key in names}
        for _ in range(rounds):
            for key in names:
                figures[key].append(measure(chains[key]))
        medians = {key: statistics.median(values) for key, values in figures.items()}
        columns = "  ".join(f"{key} {median:8.3g}" for key, median in medians.items())
        ratio = medians["shared"] / medians[yardstick]
        print(f"{name:28} {columns}  {unit:5} shared to {yardstick} {ratio:5.2f}", flush=True)
