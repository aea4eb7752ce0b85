"""The memory that faults/shim.c shares with the program it is loaded into.

    shared.py CONTROL             makes an empty one
    shared.py CONTROL step N      sets the program's clock N seconds ahead
"""

import mmap
import os
import struct
import sys

SHORT, CTRUNC = -1, -2
SELF, CHILD = 0, 1
FIELDS = ("armed", "who", "skip", "call", "n", "how", "calls", "hits", "crashes", "children")
STEP = 40  # the offset of the last field, 64 bits
SIZE = 48


class Control:
    def __init__(self, path):
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), SIZE)
        self.generation = self.get("armed")

    def get(self, field):
        return struct.unpack_from("=i", self.memory, 4 * FIELDS.index(field))[0]

    def set(self, **values):
        for field, value in values.items():
            struct.pack_into("=i", self.memory, 4 * FIELDS.index(field), value)

    def arm(self, call, how, n, who=SELF, skip=0):
        """From now on, the n-th such call of this process fails."""
        self.set(armed=0)
        self.generation += 1
        self.set(who=who, skip=skip, call=call, n=n, how=how, calls=0, hits=0, children=0)
        self.set(armed=self.generation)

    def disarm(self):
        self.set(armed=0)

    def step(self, seconds):
        struct.pack_into("=q", self.memory, STEP, seconds)


def make(path):
    with open(path, "wb") as file:
        file.write(bytes(SIZE))
    os.chmod(path, 0o666)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        make(sys.argv[1])
    else:
        Control(sys.argv[1]).step(int(sys.argv[3]))
