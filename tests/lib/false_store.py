"""A store that is none: false_store.py PORT HOW.

It accepts whoever comes, and answers each command with what HOW names; a dot is
printed for each.
"""

import socketserver
import sys

ANSWERS = {
    "crowd": b"*1000000000\r\n",
    "giant": b"$536870000\r\n" + b"x" * 4000000,
    "depth": b"*1\r\n" * 100,
    "noise": bytes(range(256)) * 64,
    "flood": b"+OK\r\n" * 100000,
    "negative": b"*-7\r\n$-9\r\n",
    "replica": b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$9\r\nconnected\r\n:0\r\n",
}


class Store(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while self.request.recv(65536):
                print(".", flush=True)
                self.request.sendall(ANSWERS[sys.argv[2]])
        except OSError:
            pass


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Store) as server:
    print("listening", flush=True)
    server.serve_forever()
