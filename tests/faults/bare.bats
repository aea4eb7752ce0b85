#!/usr/bin/env bats
# Marked sessions in which something goes wrong: a handler that dies at any point
# of the change-over, an end that is cut or lies, a broker that is away. It is an
# error to both clients, and no handler is left.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/faults

setup_file() {
    make_pki alice bob carol
}

# ---- deaths -----------------------------------------------------------------

handlers_die() {
    { echo "ROUNDS = $rounds" && cat <<'SCRIPT'; } | play
import contextlib
from bare import *

def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    until(lambda: open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] in "Tt")

def has_read(pid, peer):
    """Whether the relay has taken all that peer sent, and its handler sleeps."""
    port = peer.sock.getsockname()[1]
    def taken():
        for line in open("/proc/net/tcp"):
            words = line.split()
            if words[2].endswith(":%04X" % port):
                queue = words[4].split(":")[1]
                return queue == "00000000" and open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "S"
        return False
    until(taken)

def asked(pair, pids):
    """The first has left TLS; its handler waits for the other's socket."""
    stopped(pids[1])
    leave(pair[0])
    has_read(pids[0], pair[0])

def given(pair, pids):
    """And has it, but does not know yet."""
    asked(pair, pids)
    stopped(pids[0])
    os.kill(pids[1], signal.SIGCONT)
    come_bare(pair[1])
    has_read(pids[1], pair[1])

for _ in range(ROUNDS):
    for point in nothing, asked, given, one_way, both_ways, full, half:
        for first in 0, 1:
            for victim in 0, 1:
                pair = marked("alice")[::1 if first == 0 else -1]
                pids = [handler_of(peer) for peer in pair]
                point(pair, pids)
                os.kill(pids[victim], signal.SIGKILL)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pids[1 - victim], signal.SIGCONT)
                ends = [tcp_end(peer) for peer in pair]
                if point is half:  # the one that has had its end sees no other
                    assert ends[0] == "reset", ends
                else:
                    assert ends == ["reset", "reset"], (point.__name__, first, victim, ends)
                for pid in pids:
                    until(lambda: gone(pid))
                for peer in pair:
                    peer.sock.close()
works("alice")
SCRIPT
}

@test 'a handler that is killed, at any point of the change-over, is a reset at both ends' {
    through_each_spawner handlers_die
}

# ---- cuts -------------------------------------------------------------------

@test 'a reset at any point of it is a reset at the other end' {
    with_relay
    play <<'SCRIPT'
from bare import *

def fresh(pair): pass
def one_left(pair): leave(pair[0]); come_bare(pair[1])
def both_left(pair): one_left(pair); leave(pair[1]); come_bare(pair[0])
def one_ended(pair): both_left(pair); pair[1].cut(); assert tcp_end(pair[0]) == "fin"

for point in fresh, one_left, both_left, one_ended:
    for first in 1, -1:
        for who in 0, 1:
            pair = marked("alice")[::first]
            point(pair)
            if point is one_ended and who == 1:
                continue  # its FIN has been seen, and its reset may be in flight
            pair[who].reset()
            assert tcp_end(pair[1 - who]) == "reset", (point.__name__, first, who)
            logged(pair[who], " end .*reason=client-error$")
            logged(pair[1 - who], " end .*reason=other-side-error$")
works("alice")
SCRIPT
}

# Both handlers write to or read from who resets: only one of them hears of it.
@test 'a reset under bytes that are on their way is a reset, and not an end' {
    with_relay
    { echo "ROUNDS = $rounds" && cat <<'SCRIPT'; } | play
from bare import *
for _ in range(5 * ROUNDS):
    for first in 1, -1:
        a, b = bare("alice")[::first]
        a.sock.settimeout(0.3)
        try:
            while True:
                a.sock.send(bytes(1 << 20))
        except TimeoutError:
            pass
        b.reset()
        assert tcp_end(a) == "reset", first
        a.sock.close()
SCRIPT
}

@test 'FIN without close_notify is a reset at both ends, and behind it a clean end' {
    with_relay
    play <<'SCRIPT'
from bare import *

def fresh(pair): pass
def other_left(pair): leave(pair[1]); come_bare(pair[0])

for point in fresh, other_left:
    for first in 1, -1:
        pair = marked("alice")[::first]
        point(pair)
        pair[0].cut()
        assert [tcp_end(peer) for peer in pair] == ["reset", "reset"], (point.__name__, first)

for first in 1, -1:
    pair = marked("alice")[::first]
    leave(pair[0])
    pair[0].cut()
    come_bare(pair[1])
    assert tcp_end(pair[1]) == "fin"
    leave(pair[1])
    put(pair[1], b"later")
    pair[1].cut()
    come_bare(pair[0])
    assert get(pair[0], 5) == b"later"
    assert tcp_end(pair[0]) == "fin"
    for peer in pair:
        logged(peer, " end .*reason=done$")
SCRIPT
}

# ---- lies -------------------------------------------------------------------

@test 'bare bytes without a close_notify are no record, and the end of both' {
    with_relay
    play <<'SCRIPT'
from bare import *
for before in False, True:
    for first in 1, -1:
        pair = marked("alice")[::first]
        if before:  # the other way is bare
            leave(pair[1])
            come_bare(pair[0])
        put(pair[0], b"\x17\x03\x03\x00\x40" + os.urandom(64))
        assert [tcp_end(peer) for peer in pair] == ["reset", "reset"]
works("alice")
SCRIPT
}

@test 'who goes on with TLS behind its close_notify sends bytes like any others' {
    with_relay
    play <<'SCRIPT'
from bare import *
for first in 1, -1:
    a, b = marked("alice")[::first]
    leave(a)
    come_bare(b)
    record = b"\x17\x03\x03\x00\x40" + os.urandom(64)
    put(a, record)
    assert get(b, len(record)) == record
    a.reset()
    assert tcp_end(b) == "reset"
works("alice")
SCRIPT
}

@test 'a fatal alert ends both' {
    with_relay
    play <<'SCRIPT'
from bare import *
for first in 1, -1:
    a, b = marked("alice")[::first]
    a.incoming.write(b"\x17\x03\x03\x00\x20" + bytes(32))  # no record of the relay's
    try:
        a.tls.read(1)
    except ssl.SSLError:
        pass
    a._flush()
    assert tcp_end(b) == "reset", first
works("alice")
SCRIPT
}

# ---- orders -----------------------------------------------------------------

kicked_when_bare() {
    local at
    for at in nothing one_way both_ways half; do
        rm -f at.*
        start_play "kicked-$spawner-$at" <<SCRIPT
from bare import *
agent, client = marked("alice")
$at((client, agent), ())
pids = [handler_of(peer) for peer in (agent, client)]
at_point("at")
assert tcp_end(client) == "reset"
assert $at is half or tcp_end(agent) == "reset"
for pid in pids:
    until(lambda: gone(pid))
SCRIPT
        wait_until 60 test -e at.reached
        ctl kick default
        : >at.passed
        await_end "kicked-$spawner-$at" 60
        rm at.reached at.passed
    done
    wait_until 60 says_at_least broker 4 ' session .*reason=kicked$'
}

@test 'a kick ends a session at any point of it' {
    through_each_spawner kicked_when_bare
}

# expired_when_bare: of the shortest of lives that is long enough, on this machine,
# for a session to begin.
expired_when_bare() {
    local life expires status
    for life in 3 6 12 24 48; do
        expires=$((EPOCHSECONDS + life))
        : >customers
        customer alice "expire = $expires"
        ctl reload
        status=0
        EXPIRES=$expires play <<'SCRIPT' || status=$?
from bare import *
expires = int(os.environ["EXPIRES"])
try:
    agent, client = bare("alice")
    put(agent, b"x")
    assert get(client, 1) == b"x"
except (AssertionError, OSError):
    sys.exit(75 if time.time() >= expires else 1)
assert tcp_end(client) == tcp_end(agent) == "reset"
assert time.time() >= expires
SCRIPT
        [ "$status" -eq 75 ] || break
    done
    [ "$status" -eq 0 ]
    wait_until 60 says broker ' session .* seal=bare .*reason=expired$'
    : >customers
    ctl reload
}

@test 'it ends with its customer' {
    configure 'customers = customers'
    : >customers
    give customers
    through_each_spawner expired_when_bare
}

revoked_when_bare() {
    cp "$pki/crl.pem" crl.pem
    give crl.pem
    ctl reload
    rm -f at.*
    # for each spawner another one
    local revoked=alice
    [ "$spawner" = listen ] || revoked=bob
    echo "$revoked" >revoked
    start_play "revoked-$spawner" <<'SCRIPT'
from bare import *
agent, client = bare(open("revoked").read().strip())
others = bare("carol")
at_point("at")
assert tcp_end(client) == tcp_end(agent) == "reset"
put(others[0], b"x")
assert get(others[1], 1) == b"x"
SCRIPT
    wait_until 60 test -e at.reached
    revoke "$revoked"
    ctl reload
    : >at.passed
    await_end "revoked-$spawner" 60
    rm at.*
}

@test 'it ends as its certificate is revoked, and others go on' {
    configure 'crl = crl.pem'
    cp "$pki/crl.pem" crl.pem
    give crl.pem
    through_each_spawner revoked_when_bare
}

@test 'it outlives the broker, and a new one knows that it is bare and how much has moved' {
    with_relay
    start_play lives <<'SCRIPT'
from bare import *
agent, client = bare("alice")
put(client, bytes(100000))
get(agent, 100000)
at_point("before")
put(agent, b"x" * 70000)
assert get(client, 70000) == b"x" * 70000
at_point("after")
for a, b in (agent, client), (client, agent):
    a.cut()
    assert tcp_end(b) == "fin"
SCRIPT
    wait_until 60 test -e before.reached
    wait_until 60 moved 100000 41
    stop broker KILL || :
    start_broker
    : >before.passed
    wait_until 60 test -e after.reached
    wait_until 60 moved 100000 70041
    : >after.passed
    await_end lives 60
    wait_until 60 says broker ' session .* seal=bare .* up=100000 down=70041 reason=done$'
}

# moved UP DOWN: as the one session's row has it.
moved() {
    ctl --json sessions | jq -e ".sessions == [.sessions[] | select(.up == $1 and .down == $2)] and
        (.sessions | length) == 1" >/dev/null
}
