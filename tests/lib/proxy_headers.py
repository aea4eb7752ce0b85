"""Headers of the PROXY protocol, version 2, made by hand."""

import socket
import struct

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
LOCAL, PROXY = 0x20, 0x21
UNSPEC, TCP4, UDP4, TCP6, UNIX = 0x00, 0x11, 0x12, 0x21, 0x31
HEADER_MAX = 536


def made(command, family, body, length=None):
    """One of these fields; a length of its own is a lie."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(body) if length is None else length) + body


def addresses(host, port):
    """Those of a client that has connected to port 443."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    there = "2001:db8::1" if ":" in host else "198.51.100.1"
    return socket.inet_pton(family, host) + socket.inet_pton(family, there) + struct.pack("!HH", port, 443)


def header(host="192.0.2.7", port=4711, tlvs=b""):
    """What a balancer says of this client."""
    return made(PROXY, TCP6 if ":" in host else TCP4, addresses(host, port) + tlvs)


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def filled_to(length, host="192.0.2.7"):
    """A header of that length in all, by a TLV."""
    return header(host, tlvs=tlv(0x04, bytes(length - len(header(host)) - 3)))
