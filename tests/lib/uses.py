"""For scripts of peer.py: handlers that serve one connection after another.

"from uses import *" needs relay-listen to say what it does (-d).
"""

import os
import re

import __main__ as peer

NOTHING = b"GET /KLAB/nothing HTTP/1.1\r\n\r\n"


def idles(pid, times=1):
    """Waits until this handler waits for its next connection, for so many a time."""
    def so_often():
        with open(peer.RELAY_LOG, encoding="ascii") as log:
            return len(re.findall(rf" idle pid={pid} ", log.read())) >= times
    peer.until(so_often)


def turned_away(name="alice"):
    """A connection that ends in order, by a 404. Returns its handler."""
    client = peer.Peer(name)
    client.send(NOTHING)
    assert client.rest().startswith(b"HTTP/1.1 404 ")
    client.close()
    return peer.handler_of(client)


def one_after_another(count, uses):
    """So many such, each once the one before has ended. Returns their handlers."""
    pids, served = [], {}
    for _ in range(count):
        pid = turned_away()
        pids.append(pid)
        served[pid] = served.get(pid, 0) + 1
        if served[pid] < uses:
            idles(pid, served[pid])
        else:
            peer.until(lambda: peer.gone(pid))
    return pids


def descriptors(pid):
    """What it has open, by number: what sockets and pipes those are changes."""
    return sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))


def in_memory(pid, needles):
    """Those of the needles, by name, that are in what it may read or write."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            start, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if mode[0] != "r" or "[v" in line:
                continue
            try:
                memory.seek(int(start, 16))
                data = memory.read(int(end, 16) - int(start, 16))
            except OSError:  # pages that nobody may read
                continue
            found |= {name for name, needle in needles.items() if needle in data}
    return found
