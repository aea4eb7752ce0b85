"""What crosses a TCP connection, byte by byte.

    wire.py PORT TO NAME    passes each connection to PORT on to the port TO, and
                            writes what crosses it: NAME0.up and NAME0.down of the
                            first one, and so on

Imported, it knows what TLS looks like in such a file.
"""

import os
import socket
import sys
import threading


def copy(source, sink, name):
    with open(name, "wb") as out:
        while data := source.recv(65536):
            out.write(data)
            out.flush()
            sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def pass_on(port, to, name):
    with socket.create_server(("127.0.0.1", port)) as listener:
        count = 0
        while True:
            a = listener.accept()[0]
            b = socket.create_connection(("127.0.0.1", to))
            threading.Thread(target=copy, args=(a, b, f"{name}{count}.up")).start()
            threading.Thread(target=copy, args=(b, a, f"{name}{count}.down")).start()
            count += 1


def records(name):
    """Every byte is in one; it ends with the last."""
    found = []
    with open(name, "rb") as file:
        data = file.read()
    while data:
        kind, version, length = data[0], data[1:3], int.from_bytes(data[3:5], "big")
        assert len(data) >= 5 + length, (name, "a record is cut")
        assert version == (b"\3\1" if name.endswith("up") and not found else b"\3\3"), (name, version)
        assert 0 < length <= 16384 + 256, (name, length)
        found.append((kind, data[5:5 + length]))
        data = data[5 + length:]
    return found


def looks_like_tls(leg):
    """One connection of TLS 1.3 from its beginning to its end, both ways."""
    for name in leg + ".up", leg + ".down":
        kinds = [kind for kind, _ in records(name)]
        assert kinds[:2] == [0x16, 0x14] and set(kinds[2:]) == {0x17}, (name, kinds)


def same_records(source, sink):
    """How many are the same on both legs, up to the end."""
    a, b = records(source), records(sink)
    same = 0
    while same < len(a) and same < len(b) and a[-1 - same] == b[-1 - same]:
        same += 1
    return same


def is_bare(source, sink):
    """Both carry the same from some record on: the data at least, and the inner
    close_notify, which is one byte more, sealed."""
    same = same_records(source, sink)
    assert same >= 2 and len(records(source)[-1][1]) == 2 + 1 + 16, (source, same)


def longest(names):
    """The leg, without its way, that has the longest of these files."""
    return max(names, key=os.path.getsize).rpartition(".")[0]


if __name__ == "__main__":
    pass_on(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
