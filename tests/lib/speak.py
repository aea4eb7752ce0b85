"""A local client: connects, sends, and tells what came and how it ended.

    speak.py [OPTION...] PORT|HOST:PORT|PATH [BYTES]

    --late      sends the BYTES after the first byte that comes
    --open N    does not end its direction, but closes after N bytes have come
    --reset N   the same, with a reset
    --from HOST connects from this address
"""

import ast
import errno
import socket
import struct
import sys


def connect(place, local=None):
    if place.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(50)
        sock.connect(place)
        return sock
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), 50,
                                    (local, 0) if local else None)


def talk(sock, data, options):
    """Yields what comes."""
    if "--late" in options:
        yield sock.recv(1)
    sock.sendall(data)
    left = int(options.get("--open", options.get("--reset", -1)))
    if left < 0:
        sock.shutdown(socket.SHUT_WR)
        left = 1 << 40
    while left > 0:
        part = sock.recv(min(left, 65536))
        if not part:
            break
        left -= len(part)
        yield part
    if "--reset" in options:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def main(words):
    options = {}
    while words[0].startswith("--"):
        name = words.pop(0)
        options[name] = None if name == "--late" else words.pop(0)
    data = ast.literal_eval(f"b'{words[1]}'") if words[1:] else b""
    got, ended = b"", "clean"
    try:
        sock = connect(words[0], options.get("--from"))
        for part in talk(sock, data, options):
            got += part
        sock.close()
    except (ConnectionResetError, BrokenPipeError):
        ended = "reset"
    except ConnectionRefusedError:
        ended = "refused"
    except OSError as failure:
        if failure.errno != errno.ENOTCONN:  # a reset before the shutdown
            raise
        ended = "reset"
    print(f"got={got} ended={ended}")


if __name__ == "__main__":
    main(sys.argv[1:])
