"""A local client: connects, sends, and tells what came and how it ended.

    speak.py [--late] PORT|[HOST]:PORT|PATH [BYTES]
"""

import ast
import socket
import sys


def connect(place):
    if place.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(50)
        sock.connect(place)
        return sock
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), 50)


def main(place, text="", late=False):
    got, ended = b"", "clean"
    data = ast.literal_eval(f"b'{text}'")
    try:
        sock = connect(place)
        if late:
            got += sock.recv(1)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while True:
            part = sock.recv(65536)
            if not part:
                break
            got += part
    except ConnectionResetError:
        ended = "reset"
    except BrokenPipeError:
        ended = "reset"
    except ConnectionRefusedError:
        ended = "refused"
    print(f"got={got} ended={ended}")


if __name__ == "__main__":
    words = sys.argv[1:]
    late = words[:1] == ["--late"]
    main(*words[1:] if late else words, late=late)
