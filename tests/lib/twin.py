"""Other encodings of a certificate: "twin.py HOW <cert.pem >twin.pem".

HOW is "s": the other valid ECDSA signature, with n - s; "long": a length in a
byte more than it needs; "behind": a byte behind it; "bits": unused bits in its
signature; "outer": the outer name of the algorithm with a NULL behind it.
"identity" and "fingerprint" print the SHA-256 of what is signed, and of all.
"""

import base64
import hashlib
import re
import sys

# the orders of P-256, P-384 and P-521, by the bytes of r
ORDERS = {
    32: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    48: 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    66: ((1 << 261) - 1) << 260 | 0xA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
}


def take(der):
    """The tag, the content, and what follows."""
    n, head = der[1], 2
    if n > 0x80:
        head += n - 0x80
        n = int.from_bytes(der[2:head], "big")
    return der[0], der[head : head + n], der[head + n :]


def make(tag, content, long=False):
    n = len(content)
    size = b"" if n < 0x80 else n.to_bytes((n.bit_length() + 7) // 8, "big")
    if long:
        size = b"\0" + (size or bytes([n]))
    return bytes([tag]) + (bytes([0x80 + len(size)]) + size if size else bytes([n])) + content


def integer(n):
    return make(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def parts(der):
    body = take(der)[1]
    signed = body[: len(body) - len(take(body)[2])]
    rest = body[len(signed) :]
    outer = rest[: len(rest) - len(take(rest)[2])]
    return signed, outer, take(rest[len(outer) :])[1]


def twin(der, how):
    signed, outer, bits = parts(der)
    if how == "s":
        rs = take(bits[1:])[1]
        _, r, rest = take(rs)
        s = int.from_bytes(take(rest)[1], "big")
        n = ORDERS[min((size for size in ORDERS if size >= len(r) - 2), key=lambda size: abs(size - len(r)))]
        bits = b"\0" + make(0x30, integer(int.from_bytes(r, "big")) + integer(n - s))
    elif how == "bits":
        bits = b"\1" + bits[1:]
    elif how == "outer":
        outer = make(0x30, take(outer)[1] + b"\5\0")
    body = signed + outer + make(3, bits, how == "long")
    return make(0x30, body) + (b"\0" if how == "behind" else b"")


pem = sys.stdin.read()
der = base64.b64decode(re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.S)[1])
if sys.argv[1] == "identity":
    print(hashlib.sha256(parts(der)[0]).hexdigest())
elif sys.argv[1] == "fingerprint":
    print(hashlib.sha256(der).hexdigest())
else:
    text = base64.encodebytes(twin(der, sys.argv[1])).decode()
    print(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----")
