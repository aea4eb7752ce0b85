"""Loads, and rounds of them that take turns."""

import re
import subprocess
import time

from chains import TOOLS
from report import median

SPARE_SECONDS = 60  # that a load may take beyond what it was told to


# Certificate, agents and the polls of each: 1,008 wait, of one 1,024 may.
CROWD = ("crowd", 16, 63)


class Settings:
    """How much of everything: the whole, or a glimpse."""

    def __init__(self, quick):
        self.quick = quick
        self.rounds = 3 if quick else 5
        self.seconds = 1 if quick else 2  # a round of a load that is told how long

    def pick(self, whole, glimpse):
        return glimpse if self.quick else whole


def run(*command, seconds=SPARE_SECONDS):
    """A load's output; it is bounded."""
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          capture_output=True, timeout=seconds).stdout


def interleave(settings, actions, limit):
    """Lets the actions, by name, take turns; returns each one's results.

    No round begins once limit seconds, or a part of it for a glimpse, have
    gone, but the first.
    """
    results = {name: [] for name in actions}
    end = time.monotonic() + settings.pick(limit, limit / 7)
    for _ in range(settings.rounds):
        if all(results.values()) and time.monotonic() > end:
            print(f"      (stopped after {len(next(iter(results.values())))} rounds:"
                  " the machine is slow)", flush=True)
            break
        for name, action in actions.items():
            results[name].append(action())
    return results


def column(results, field):
    """The medians of one field of each one's results, by name."""
    return {name: median([one[field] for one in values]) for name, values in results.items()}


def numbers(text):
    """The "word number" pairs that our C programs print."""
    return {word: float(number) for word, number in re.findall(r"([a-z]\w*) ([\d.]+)", text)}


def tlsload(port, files, connections, threads, *options):
    """Runs tlsload; returns its numbers."""
    return numbers(run(TOOLS / "tlsload", *options, port, *files, connections, threads,
                       seconds=SPARE_SECONDS + connections / 20))
