"""relay-presence and a store with a million entries, asked by a broker of ours."""

import collections
import contextlib
import hashlib
import hmac
import os
import re
import socket
import struct
import subprocess
import time

from chains import ROOT
from processes import answers, free_port, wait_for
from report import Target, is_noisy, median
from rounds import run

HEADER = (ROOT / "broker/ipc/message.h").read_text()
VERSION = int(re.search(r"#define MESSAGE_VERSION\s+(\d+)", HEADER)[1])
TYPES = {name: 1 + i for i, name in enumerate(re.findall(r"(?m)^\tMESSAGE_(\w+)", HEADER))}
KEY = 72  # bytes of a customer's key
AGENTS = 20000
AT_ONCE = 16  # questions
SECRET = "what all relays know, and the store does not\n"


def message(kind, body):
    return struct.pack("=HHI", VERSION, TYPES[kind], 8 + len(body)) + body


def key_of(number):
    return b"customer %d" % number


def name_of(number):
    """As relay-presence has it."""
    secret = hashlib.sha256(SECRET.encode()).digest()
    return "vw:a:" + hmac.digest(secret, key_of(number), "sha256").hex()


class Broker:
    """What relay-presence attaches to."""

    def __init__(self, bench, store):
        scratch, relay = bench.scratch, bench.relay
        for words in (("init",), ("node", "tokyo")):
            run(relay.bin / "relay-ca", "-d", scratch.dir / "nodes", *words)
        scratch.own(scratch.dir / "nodes")
        scratch.own(scratch.write("presence-secret", SECRET, 0o600))
        path = scratch.dir / "presence.sock"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        conf = re.sub(r"(?m)^socket = .*", "socket = presence.sock", relay.conf.read_text())
        node = "nodes/node/tokyo"
        scratch.write("presence.conf", conf + f"""
peer_certificate = {node}/cert.pem
peer_key = {node}/private.pem
peer_ca = nodes/ca.pem
peer = osaka 127.0.0.1:{free_port()}
presence = 127.0.0.1:{store}
presence_secret = presence-secret
""")
        self.program = scratch.start(relay.bin / "relay-presence", "-c", "presence.conf")
        listener.settimeout(60)
        self.sock = listener.accept()[0]
        self.sock.settimeout(60)
        self.sock.recv(65536)  # ATTACH; its descriptor is not for us
        self.send("ALL_TOLD", bytes(4))
        while not self.receive("STORE")[0]:
            pass

    def send(self, kind, body):
        self.sock.send(message(kind, body))

    def receive(self, wanted):
        """The first word of the body of the next such message."""
        while True:
            packet = self.sock.recv(65536)
            if struct.unpack_from("=HHI", packet)[1] == TYPES[wanted]:
                return struct.unpack_from("=I", packet, 8)

    def tell(self, numbers, here):
        """Which customers have agents here."""
        rows = [message("PARTY", struct.pack(f"={KEY}sII", key_of(n), here, 0)) for n in numbers]
        for i in range(0, len(rows), 100):
            self.sock.send(b"".join(rows[i:i + 100]))

    def ask(self, question, answer, count, at_once):
        """Asks so often, never more than at_once; returns seconds, and each answer's ms."""
        begun, times = collections.OrderedDict(), []
        start = time.monotonic()
        for number in range(1, count + at_once + 1):
            if number <= count:
                begun[number] = time.monotonic()
                question(number)
            if len(begun) < at_once and number < count:
                continue
            if not begun:
                break
            (got,) = self.receive(answer)
            while got not in begun:  # a later answer to one that has left
                (got,) = self.receive(answer)
            times.append((time.monotonic() - begun.pop(got)) * 1e3)
            if answer == "ANSWER":
                self.send("LEFT", struct.pack("=II", got, 0))
        return time.monotonic() - start, sorted(times)


def at(times, share):
    return times[min(int(len(times) * share), len(times) - 1)]


def store_says(port, *words):
    return run("redis-cli", "-p", port, *words)


def used(port):
    """Bytes."""
    return int(re.search(r"used_memory:(\d+)", store_says(port, "info", "memory"))[1])


def fill(port, entries):
    """So many customers have agents at a relay that lives."""
    epoch = "0123456789abcdef"
    with subprocess.Popen(["redis-cli", "-p", str(port), "--pipe"], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as pipe:
        for i in range(entries):
            name = name_of(i)
            pipe.stdin.write(f"HSET {name} osaka {epoch}\r\nEXPIRE {name} 3600\r\n".encode())
        pipe.stdin.close()
    store_says(port, "set", "vw:n:osaka", epoch)


def keys(port):
    return int(store_says(port, "dbsize"))


def bare_rate(port, count):
    """The store's own, asked for one of these in the same way."""
    said = run("redis-benchmark", "-p", port, "-c", 1, "-P", AT_ONCE, "-n", count, "--csv",
               "hgetall", name_of(0))
    return float(said.splitlines()[-1].split(",")[1].strip('"'))


def lookups(bench, broker, port, entries):
    count = bench.pick(20000, 5000)
    rates, p99, ratios = [], [], []

    def question(number):
        chosen = number * 7919 % entries
        broker.send("ASK", struct.pack(f"=II{KEY}s", number, 0, key_of(chosen)))

    for _ in range(bench.rounds):
        bare = bare_rate(port, count)
        seconds, times = broker.ask(question, "ANSWER", count, AT_ONCE)
        rates.append(count / seconds)
        p99.append(at(times, 0.99))
        ratios.append(count / seconds / bare)
    one = broker.ask(question, "ANSWER", count // 10, 1)[1]
    bench.report.measure(
        "lookups a second", median(rates), "", Target(20000, at_least=True), noisy=is_noisy(rates),
        detail=f"{median(ratios):.2f} of what the store itself answers by redis-benchmark; "
        "the broker that asks is a Python program, which takes its part")
    bench.report.measure("a lookup, p99", median(p99), "ms", Target(5, "ms"), noisy=is_noisy(p99),
                         detail=f"{AT_ONCE} at once; one alone: p50 {at(one, 0.5):.3f} ms")


def admissions(bench, broker):
    count = bench.pick(20000, 5000)

    def question(number):
        broker.send("ADMIT", struct.pack(f"=IIII{KEY}s", number, 1, 10, 0, key_of(number)))

    seconds, times = broker.ask(question, "ADMITTED", count, AT_ONCE)
    one = broker.ask(question, "ADMITTED", count // 10, 1)[1]
    bench.report.measure("whether a stone is within nusers, p99", at(times, 0.99), "ms", Target(5, "ms"),
                         detail=f"{count / seconds:,.0f} a second; one alone: p50 {at(one, 0.5):.3f} ms")


def seconds_until(port, count):
    start = time.monotonic()
    wait_for(lambda: keys(port) >= count, "entries of the store", 120)
    return time.monotonic() - start


def measure(bench):
    entries = int(os.environ.get("CLUSTER_ENTRIES", bench.pick(1000000, 100000)))
    port = free_port()
    bench.report.section(f"relay-presence: a store with {entries:,} entries")
    store = bench.scratch.start("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "")
    wait_for(lambda: answers(port), "redis-server")
    before = used(port)
    fill(port, entries)
    bench.report.measure("a million entries in the store", (used(port) - before) / entries, "MB",
                         Target(250, "MB"))
    broker = Broker(bench, port)
    lookups(bench, broker, port, entries)
    admissions(bench, broker)
    there = keys(port)
    broker.tell(range(entries, entries + AGENTS), 1)
    bench.report.measure(f"publishing {AGENTS:,} customers' agents", seconds_until(port, there + AGENTS),
                         "s", Target(5, "s"))
    store_says(port, "flushall")
    bench.report.measure("the same, to a store that has lost all", seconds_until(port, AGENTS), "s",
                         Target(10, "s"))
    with contextlib.suppress(OSError):
        broker.sock.close()
    bench.scratch.stop(broker.program)
    bench.scratch.stop(store)
