"""Marked sessions made by hand that cross from one relay to another, and the points
of their change-over. For peer.py's scripts: "from crossing import *" behind the names
of that.

The test says in the environment where the two relays are: AGENT_PORT and STONE_PORT,
and of which processes those for crossings are children: AGENT_PEER and STONE_PEER.
Each session has four processes: the agent's handler, the crossing's at that relay,
the one at the stone's, and the stone's handler.
"""

import contextlib
import os
import re
import signal

from bare import *  # noqa: F401, F403 (for scripts, too)
from bare import both_ways, full, half, leave, marked, nothing, one_way
from peer import SCRATCH, until

PORTS = int(os.environ["AGENT_PORT"]), int(os.environ["STONE_PORT"])
PEERS = int(os.environ["AGENT_PEER"]), int(os.environ["STONE_PEER"])


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state(pid) in "Tt")


def go_on(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def settled(pids):
    """What could move has moved: all sleep, or are stopped."""
    until(lambda: all(state(pid) in "STt" for pid in pids + pids[::-1]))


def handler_at(relay, peer):
    """The handler that serves this client, as its relay's log has it."""
    def found():
        with open(f"{SCRATCH}/{relay}-relay.log", encoding="ascii") as lines:
            return re.findall(rf"\[(\d+)\]: .*{re.escape(peer.log_name)}\b", lines.read())
    return int(until(found)[-1])


def crossing_of(pid):
    """Of this relay-peer, the one that it has."""
    def found():
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
        return children if len(children) == 1 else None
    return int(until(found)[0])


def across():
    """A marked session, and its processes from the agent to the stone."""
    pair = marked("alice", *PORTS)
    return pair, [handler_at("osaka", pair[0]), crossing_of(PEERS[0]), crossing_of(PEERS[1]),
                  handler_at("tokyo", pair[1])]


# ---- where in the change-over: from the first of pair to the second -------------


def asked(number):
    """The direction has left TLS up to one process, and the next one is stopped."""
    def point(pair, pids):
        stop(pids[number + 1])
        leave(pair[0])
        settled(pids)
    point.__name__ = f"asked_{number}"
    return point


ASKED = [asked(number) for number in range(3)]
POINTS = [nothing, *ASKED, one_way, both_ways, full, half]


def all_points(rounds):
    """Each point, both ways round."""
    for _ in range(rounds):
        for point in POINTS:
            for turn in 1, -1:
                yield point, turn
