"""Sessions without a pause, while a test breaks things: "storm.py STOP
AT_ONCE[/SECONDS] NAME=PORT...".

So many clients at once with short sessions, and as many with long ones,
talk to the stones on these ports, behind each of which is the target "whole" of
that name (see traffic.py), until the file STOP exists. With SECONDS they come in
gusts, one each so many seconds.
A session may break, but only with an error. It must not end cleanly before all
has come, hang, reach another's target, or carry other bytes than were sent: each
such session is a line "wrong ...", and makes the result a failure. One that broke
is a line "broken ... begun=yes ...", where the target had answered, or begun=no.
The last line counts: "storm whole=N broken=N wrong=N".
"""

import collections
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import traffic  # noqa: E402 (found by the line above)

SIZES = (0, 1, 1000, 50_000, 300_000, 1 << 20)


def short():
    return tuple(str(random.randint(0, random.choice(SIZES))) for _ in range(2))


def long():
    """A session that goes on for a while, to be hit."""
    until = time.monotonic() + random.uniform(0.5, 2)
    return lambda: time.monotonic() < until, None


def attempt(name, port, sizes):
    """One session. Returns what it was, and what is wrong with it or broke it."""
    up, down = sizes()
    try:
        failure = traffic.session(port, name, up, down)
    except OSError as error:
        failure = "error %s" % error
    if failure is None:
        return "whole", None
    kind = "broken" if failure.startswith("error ") and "timed out" not in failure else "wrong"
    return kind, "%s name=%s up=%s down=%s" % (failure, name, up, down)


def blow(stop, every, places, sizes, counts, lock):
    while not os.path.exists(stop):
        if every:
            time.sleep(every - time.time() % every + random.uniform(0, 0.3))
        kind, why = attempt(*random.choice(places), sizes)
        with lock:
            counts[kind] += 1
        if why:
            traffic.say(kind, why)
        if kind == "broken":
            time.sleep(0.05)


def main(stop, at_once, *places):
    at_once, _, every = at_once.partition("/")
    places = [(name, int(port)) for name, port in (place.split("=") for place in places)]
    counts, lock = collections.Counter(), threading.Lock()
    threads = [threading.Thread(target=blow, args=(stop, float(every or 0), places, sizes, counts, lock))
               for sizes in (short, long) for _ in range(int(at_once))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    traffic.say("storm", *("%s=%d" % (kind, counts[kind]) for kind in ("whole", "broken", "wrong")))
    sys.exit(0 if counts["whole"] and not counts["wrong"] else 1)


main(*sys.argv[1:])
