"""How many times longer a process takes here and now than on an ordinary
machine: 1 at least. What is promised in seconds holds on an ordinary machine; on
this one it may take so many times longer.

"slowness.py" prints the figure, rounded up. "slowness.py TOOK LIMIT" tells by its
status whether that was in time.
"""

import math
import sys
import time

ORDINARY = 0.04  # seconds, for an interpreter with TLS


def slowness():
    import subprocess  # takes time itself

    slowest = 0
    for _ in range(4):
        start = time.monotonic()
        subprocess.run([sys.executable, "-ISB", "-c", "import ssl"], check=True)
        slowest = max(slowest, time.monotonic() - start)
    return max(1, slowest / ORDINARY)


def in_time(took, limit):
    """Whether something took no longer than promised. It says what it took."""
    if took <= limit:
        return True
    factor = slowness()
    print("took %.2f s: promised %g, this machine is %.1f times slower" % (took, limit, factor),
          file=sys.stderr)
    return took <= limit * factor


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(not in_time(*map(float, sys.argv[1:])))
    print(math.ceil(slowness()))
