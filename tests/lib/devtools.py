"""Looks at the page of a running chromium, by its DevTools protocol.

"devtools.py SCRIPT PROFILE" runs a Python script in which the names below are
known; PROFILE is the browser's user-data-dir.
"""

import base64
import json
import os
import socket
import struct
import sys
import time
import urllib.request


def until(condition, seconds=60):
    """Waits for condition() to be true, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.05)


def active_port():
    try:
        with open(f"{sys.argv[2]}/DevToolsActivePort", encoding="ascii") as file:
            return int(file.readline())
    except (FileNotFoundError, ValueError):
        return None


def first_page():
    with urllib.request.urlopen(f"http://127.0.0.1:{until(active_port)}/json") as answer:
        pages = [page for page in json.load(answer) if page["type"] == "page"]
    return pages and pages[0]["webSocketDebuggerUrl"]


class Page:
    """The browser's first page."""

    def __init__(self):
        _, _, place, path = until(first_page).split("/", 3)
        host, _, port = place.partition(":")
        self.sock = socket.create_connection((host, int(port)), 60)
        self.stream = self.sock.makefile("rb")
        self.number = 0
        self.sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: {place}\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        assert b" 101 " in self.stream.readline()
        while self.stream.readline() != b"\r\n":
            pass

    def _receive(self):
        """One message; chromium sends each whole."""
        data = b""
        while True:
            first, length = self.stream.read(2)
            if length == 126:
                length, = struct.unpack(">H", self.stream.read(2))
            elif length == 127:
                length, = struct.unpack(">Q", self.stream.read(8))
            data += self.stream.read(length)
            if first & 0x80:
                return json.loads(data)

    def ask(self, method, **parameters):
        self.number += 1
        data = json.dumps({"id": self.number, "method": method, "params": parameters}).encode()
        # a mask of zeros changes nothing
        self.sock.sendall(struct.pack(">BBQ", 0x81, 0xff, len(data)) + bytes(4) + data)
        while True:
            answer = self._receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, script):
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self):
        return self.evaluate("document.body ? document.body.innerText : ''")

    def size(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=False)

    def screenshot(self, path):
        shot = self.ask("Page.captureScreenshot")
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as script:
        exec(compile(script.read(), sys.argv[1], "exec"), {**globals(), "os": os})
