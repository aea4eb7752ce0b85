#!/usr/bin/env bats
# Sealed sessions that leave the relay's TLS: who may, what passes, and how each
# direction ends.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/stones
load ../lib/shared
load ../lib/sealed

setup_file() {
    make_pki alice bob
}

# ---- heads ------------------------------------------------------------------

@test 'X-Seal is 1 and base64, X-Bare is 1, and each is there once' {
    with_relay
    play <<'SCRIPT'
start = b"GET / HTTP/1.1\r\n"
good = b"X-Seal: 1 aGVsbG8=\r\n"
for value in b"", b"1", b"1 ", b"2 aGVsbG8=", b"1  aGVsbG8=", b"1 aGVsbG8", b"1 aGVs bG8=", b"1 a===", b"1 =aaa", b"1 aGVsb_8=", b"aGVsbG8=":
    refused(start + b"X-Seal: " + value + b"\r\n\r\n", 400, "X-Seal is not 1 and base64")
refused(start + good + good + b"\r\n", 400, "X-Seal is given twice")
for head in start + good, POLL:
    for value in b"", b"0", b"01", b"1 1", b"yes":
        refused(head + b"X-Bare: " + value + b"\r\n\r\n", 400, "X-Bare is not 1")
    refused(head + b"X-Bare: 1\r\nx-bare: 1\r\n\r\n", 400, "X-Bare is given twice")
SCRIPT
}

# marked POLL_FIELDS STONE_FIELDS: whether the agent is told so. The head that it
# gets is the stone's without X-Bare, and with what the relay adds.
who_is_marked() {
    play <<SCRIPT
def told(poll_fields, stone_fields, eol=b"\r\n", agent_tls=None, stone_tls=None):
    agent = poll("alice", *poll_fields, version=agent_tls)
    client = stone("alice", eol.join([b"GET / HTTP/1.1", *stone_fields, b"", b""]), version=stone_tls)
    head = head_of_stone(agent)
    lines = head.split(eol)
    assert lines[:1 + len(stone_fields)] == [b"GET / HTTP/1.1"] + [f for f in stone_fields if not f.lower().startswith(b"x-bare")] + lines[len([f for f in stone_fields if not f.lower().startswith(b"x-bare")]) + 1:1 + len(stone_fields)], head
    rest = lines[1 + len([f for f in stone_fields if not f.lower().startswith(b"x-bare")]):]
    assert rest[0] == b"X-Forwarded-For: " + CLIENT_ADDRESS.encode(), head
    assert rest[1:] in ([b"X-Bare: 1", b"", b""], [b"", b""]), head
    agent.close()
    client.close()
    return len(rest) == 4

seal, bare = b"X-Seal: 1 aGVsbG8=", b"X-Bare: 1"
$1
SCRIPT
}

@test 'a session is marked where stone and agent say so, and the stone seals it' {
    with_relay
    who_is_marked '
assert told([bare], [seal, bare])
assert told([bare], [bare, seal])
assert told([b"x-bare:1"], [b"x-BARE: 1", seal, b"X-Other: a"])
assert told([bare], [seal, bare], b"\n")
assert not told([], [seal, bare])
assert not told([bare], [seal])
assert not told([bare], [bare])
assert not told([], [])'
}

@test "with bare = no none is" {
    with_relay 'bare = no'
    who_is_marked '
assert not told([bare], [seal, bare])'
}

@test 'nor where one of both has TLS 1.2' {
    with_relay 'tls_min = 1.2'
    who_is_marked '
assert told([bare], [seal, bare])
assert not told([bare], [seal, bare], agent_tls=ssl.TLSVersion.TLSv1_2)
assert not told([bare], [seal, bare], stone_tls=ssl.TLSVersion.TLSv1_2)'
}

@test 'a stone whose first agent is gone may get another that is not marked, and the other way' {
    with_relay
    play <<'SCRIPT'
from bare import *
for dead, alive in ([b"X-Bare: 1"], []), ([], [b"X-Bare: 1"]):
    gone_agent = poll("alice", b"X-Agent: 1", *dead)  # takes the head and says nothing
    client = stone("alice", SEALING)
    head_of_stone(gone_agent)
    agent = poll("alice", b"X-Agent: 2", *alive)
    head = head_of_stone(agent)
    assert (b"\r\nX-Bare: 1\r\n" in head) == bool(alive), head
    agent.send(b"\r\n" + SEALED)
    assert client.head() == SEALED
    if not alive:
        client.finish()
        assert agent.rest() == b""
        agent.finish()
        assert client.rest() == b""
        continue
    leave(client)
    come_bare(agent)
    put(client, b"bare")
    assert get(agent, 4) == b"bare"
    client.cut()
    leave(agent)
    agent.cut()
    come_bare(client)
    assert tcp_end(agent) == tcp_end(client) == "fin"
SCRIPT
}

# ---- bytes ------------------------------------------------------------------

both_ways() {
    play <<'SCRIPT'
from bare import *
agent, client = bare("alice")
put(client, b"up")
assert get(agent, 2) == b"up"
put(agent, b"down")
assert get(client, 4) == b"down"
client.cut()  # half of it
assert tcp_end(agent) == "fin"
put(agent, b"rest")
assert get(client, 4) == b"rest"
agent.cut()
assert tcp_end(client) == "fin"
for peer in agent, client:
    logged(peer, r" bare id=\w+ role=")
    logged(peer, r" end .*reason=done$")
    until(lambda: gone(handler_of(peer)))
SCRIPT
}

@test 'behind the close_notify of both ends all bytes pass as they are, and half a close does' {
    through_each_spawner both_ways
    wait_until 60 says broker ' session .* seal=bare .* up=2 down=[0-9]+ reason=done$'
}

@test 'a direction leaves TLS when it likes, and the other need not' {
    with_relay
    play <<'SCRIPT'
from bare import *
for first, second in ((0, 1), (1, 0)):
    pair = marked("alice")
    a, b = pair[first], pair[second]
    leave(a)
    come_bare(b)
    put(a, b"bare")
    assert get(b, 4) == b"bare"
    b.send(b"in TLS")
    assert a.read(6) == b"in TLS"
    put(a, b"more")
    assert get(b, 4) == b"more"
    if first:
        leave(b)
        come_bare(a)
        put(b, b"bare too")
        assert get(a, 8) == b"bare too"
    else:
        b.send(b"to the end")
        assert a.read(10) == b"to the end"
        leave(b)
        come_bare(a)
    b.cut()
    assert tcp_end(a) == "fin"
    put(a, b"and an end")
    assert get(b, 10) == b"and an end"
    a.cut()
    assert tcp_end(b) == "fin"
    for peer in pair:
        logged(peer, r" end .*reason=done$")
SCRIPT
}

@test 'nobody need leave TLS: a close_notify and FIN are the end all the same' {
    with_relay
    play <<'SCRIPT'
from bare import *
agent, client = marked("alice")
client.send(b"x" * 100000)
assert agent.read(100000) == b"x" * 100000
client.finish()
client.cut()
assert agent.rest() == b""
agent.send(b"a refusal, say")
agent.finish()
agent.cut()
assert client.rest() == b"a refusal, say"
assert tcp_end(agent) == tcp_end(client) == "fin"
for peer in agent, client:
    logged(peer, r" end .*reason=done$")
SCRIPT
}

@test 'what is on its way as a direction leaves TLS comes before what is bare' {
    with_relay
    { echo "COUNT = ${BARE_CHANGES:-12}" && cat <<'SCRIPT'; } | play
from bare import *
# nobody reads: all that there is between the two is full
def filled(a, b):
    data = os.urandom(6 << 20)
    bare_data = os.urandom(3 << 20)

    def write():
        for at in range(0, len(data), 16384):
            a.send(data[at:at + 16384])
        leave(a)
        put(a, bare_data)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.3)
    come_bare(b)
    assert bytes(b.got) == data
    b.got.clear()
    assert get(b, len(bare_data)) == bare_data
    writer.join()

for direction in (0, 1):
    pair = marked("alice")
    filled(pair[direction], pair[1 - direction])
    for peer in pair:
        peer.reset()

# at any moment, both ways at once
for _ in range(COUNT):
    pair = marked("alice")
    changes(pair)
    for peer in pair:
        logged(peer, r" end .*reason=done$")
SCRIPT
}

# ---- pipes ------------------------------------------------------------------

@test 'a pipe is there while bytes move, and none while they do not' {
    needs_plain 'they count fds otherwise'
    with_relay
    play <<'SCRIPT'
from bare import *
def pipes(peer):
    links = []
    for fd in os.listdir(f"/proc/{handler_of(peer)}/fd"):
        try:
            links.append(os.readlink(f"/proc/{handler_of(peer)}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return sum(link.startswith("pipe:") for link in links)

agent, client = bare("alice")
before = pipes(client)
for _ in range(2):
    put(client, b"bytes")
    assert get(agent, 5) == b"bytes"
    assert pipes(client) == before + 2
    until(lambda: pipes(client) == before)
assert pipes(agent) == before
SCRIPT
}

@test 'where the kernel gives no pipe that is large enough, bytes are copied' {
    is_root || skip 'needs another user'
    [ "$(cat /proc/sys/fs/pipe-user-pages-soft)" -gt 0 ] || skip 'there is no limit'
    with_relay
    cat >many.py <<'SCRIPT'
import fcntl, os, resource, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
os.setuid(int(sys.argv[1])) # whose handlers are to find nothing left
pipes, said = [], False
# other programs of this user give theirs back meanwhile, and then there is room
while True:
    pipes.append(os.pipe())
    if fcntl.fcntl(pipes[-1][1], 1032) >= 65536:
        continue
    for end in pipes.pop():
        os.close(end)
    if not said:
        print("full", flush=True)
        said = True
    time.sleep(0.005)
SCRIPT
    start many python3 many.py "$(id -u "$handler_user")"
    wait_until 60 says many '^full'
    play <<'SCRIPT'
from bare import *
agent, client = bare("alice")
data = os.urandom(20 << 20)
writer = threading.Thread(target=put, args=(client, data))
writer.start()
assert get(agent, len(data)) == data
writer.join()
put(agent, b"back")
assert get(client, 4) == b"back"
for peer in agent, client:
    links = os.popen(f"ls -l /proc/{handler_of(peer)}/fd").read()
    assert "pipe:" not in links.replace(" 0 -> ", ""), links
    peer.cut()
assert tcp_end(agent) == tcp_end(client) == "fin"
SCRIPT
    stop many || :
}

# ---- the ends ---------------------------------------------------------------

@test 'the sessions of relay-stone and relayagent are bare, and on the wire one TLS connection' {
    with_relay
    start_target target shout
    local real=$relay_port leg
    for leg in agent stone; do
        relay_port=$(free_port)
        start_wire "$leg" "$relay_port" "$real"
        if [ "$leg" = agent ]; then
            a_sealing_agent auto "$target" "-m 1:1"
        else
            a_sealing_stone auto
        fi
    done
    relay_port=$real
    answers_with "$stone_port" hello
    both_say bare
    wait_until 60 says broker ' session .* seal=bare '
    stop agent
    PYTHONPATH=$tests/lib python3 -B - <<'SCRIPT'
import glob
from wire import is_bare, looks_like_tls, longest

# the stone's, and the one of the agent's two that was taken: the longer one
stone, agent = "stone0", longest(glob.glob("agent*.up"))
for leg in stone, agent:
    looks_like_tls(leg)
is_bare(stone + ".up", agent + ".down")
is_bare(agent + ".up", stone + ".down")
SCRIPT
}
