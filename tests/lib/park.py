"""Agents made by hand that can be parked. For peer.py's scripts: "from park import *"
behind the names of that.
"""

import time

from peer import OK, POLL, Peer, head_of_stone, until  # noqa: F401

SIGN = b"\x14\x03\x03\x00\x01\x01"
WAKE = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"


def willing(name, *fields, **where):
    """An agent that has said it can be parked, and has its 200, which says so too."""
    agent = Peer(name, **where)
    agent.send(POLL + b"".join(f + b"\r\n" for f in (b"X-Park: 1", *fields)) + b"\r\n")
    answer = agent.head()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-Customer: "), answer
    assert b"\r\nX-Park: 50\r\n" in answer, answer
    agent.name = name
    return agent


def leave_tls(agent):
    """The relay has ended TLS, and so does the agent."""
    assert agent.end() == "clean"
    assert not agent.got.strip(b"\r\n"), bytes(agent.got)
    agent.finish()


def take(agent, length):
    """Reads so many bytes without TLS; fewer at the end."""
    data = b""
    agent.sock.settimeout(60)
    while len(data) < length:
        try:
            more = agent.sock.recv(length - len(data))
        except ConnectionResetError:
            more = b""
        if not more:
            break
        data += more
    return data


def lives(agent, signs=1):
    """Whether so many signs of life come back."""
    agent.sock.sendall(signs * SIGN)
    return take(agent, signs * len(SIGN)) == signs * SIGN


def parked(name, *fields, **where):
    """One that the broker has: it answers."""
    agent = willing(name, *fields, **where)
    leave_tls(agent)
    assert lives(agent)
    return agent


def is_woken(agent, signs=0):
    """It is, behind so many answers to signs of life."""
    expected = signs * SIGN + WAKE
    got = take(agent, len(expected))
    assert got == expected, got


def is_reset(agent):
    """Its connection ends; whether that takes no longer than it has to is told too."""
    agent.sock.settimeout(60)
    try:
        return agent.sock.recv(1) == b""
    except ConnectionResetError:
        return True


def poll_again(agent, *fields, willing=True):
    """A woken agent's new poll, over the same connection; it may be parked again."""
    again = Peer(agent.name, sock=agent.sock)
    fields = (b"X-Park: 1", *fields) if willing else fields
    again.send(POLL + b"".join(f + b"\r\n" for f in fields) + b"\r\n")
    answer = again.head()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
    again.name = agent.name
    return again


def serves(agent, client):
    """The woken agent and this stone talk."""
    head_of_stone(agent)
    agent.send(OK)
    assert client.head() == OK
    client.send(b"there")
    assert agent.read(5) == b"there"
    agent.send(b"back")
    assert client.read(4) == b"back"
    client.close()
    agent.close()
