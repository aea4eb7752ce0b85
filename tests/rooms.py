#!/usr/bin/env python3
"""The map of the house, and whether the #includes keep to it.

Each room may include itself and what stands behind its arrow. Arrows lead to
rooms further up in the table, so that data flows one way: bin, handlers, broker.
The files at the top of each folder, the broker's own and the programs' mains, are
included by nobody else.
"""
import glob
import re
import sys

MAP = """
broker/base          ->
broker/sandbox       -> broker/base
broker/config        -> broker/base
broker/ipc           -> broker/base broker/config
broker               -> broker/base broker/config broker/ipc broker/sandbox

handlers/fork        -> broker/base
handlers/http        -> broker/base
handlers/channel     -> broker/base broker/ipc
handlers/tls         -> broker/base broker/config broker/ipc
handlers/connection  -> broker/base broker/config broker/ipc broker/sandbox handlers/channel handlers/http handlers/tls
handlers/spawn       -> broker/base broker/config broker/ipc broker/sandbox handlers/connection handlers/fork handlers/tls
handlers/keyd        -> broker/base broker/config broker/ipc broker/sandbox handlers/tls
handlers/peer        -> broker/base broker/config broker/ipc broker/sandbox handlers/channel handlers/connection handlers/fork handlers/http handlers/tls
handlers/presence    -> broker/base broker/config broker/ipc broker/sandbox handlers/connection handlers/peer handlers/tls
handlers             -> broker/base broker/config broker/ipc handlers/connection handlers/keyd handlers/peer handlers/presence handlers/spawn handlers/tls

bin/dial             -> broker/base broker/sandbox handlers/channel handlers/http
bin/check            -> broker/base broker/config handlers/channel handlers/http handlers/tls bin/dial
bin/warp             -> broker/base handlers/tls
bin/mux              -> broker/base handlers/channel
bin/status           -> broker/base bin/dial
bin/web              -> broker/base handlers/channel handlers/http
bin/agent            -> broker/base broker/config broker/ipc broker/sandbox handlers/channel handlers/fork handlers/http handlers/tls bin/check bin/dial bin/mux bin/status bin/warp bin/web
bin/stone            -> broker/base broker/ipc broker/sandbox handlers/channel handlers/fork handlers/http handlers/tls bin/check bin/dial bin/mux bin/status bin/warp
bin/ctl              -> broker/base broker/config broker/ipc broker/sandbox handlers/channel handlers/peer handlers/tls bin/dial
bin                  -> broker/base broker/config broker/ipc bin/agent bin/ctl bin/status bin/stone bin/warp
"""


def read_map():
    """Each room with those that it may include, all of which stand above it."""
    rooms = {}
    for line in filter(None, MAP.splitlines()):
        room, _, allowed = line.partition("->")
        room, allowed = room.strip(), allowed.split()
        for other in allowed:
            if other not in rooms:
                sys.exit(f"rooms.py: {room} may not include {other}, which does not lie above it in the table")
        rooms[room] = set(allowed)
    return rooms


def main():
    rooms, seen, wrong = read_map(), set(), 0
    sources = sorted(path for top in ("broker", "handlers", "bin")
                     for path in glob.glob(f"{top}/**/*.[ch]", recursive=True))
    places = {path.split("/", 1)[1]: path.rsplit("/", 1)[0] for path in sources if path.endswith(".h")}
    for path in sources:
        room = path.rsplit("/", 1)[0]
        for number, line in enumerate(open(path), 1):
            found = re.match(r'#\s*include "(.*)"', line)
            if not found:
                continue
            other = places.get(found[1])
            if room not in rooms or other is None:
                problem = "no such room" if other else "no such header"
            elif other == room or other in rooms[room]:
                seen.add((room, other))
                continue
            else:
                problem = f"{room} may not include {other}"
            print(f"{path}:{number}: {found[1]}: {problem}")
            wrong += 1
    for room, allowed in rooms.items():
        for other in sorted(allowed):
            if (room, other) not in seen:
                print(f"rooms.py: {room} -> {other}: nothing includes it so")
                wrong += 1
    return wrong > 0


sys.exit(main())
