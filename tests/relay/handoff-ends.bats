#!/usr/bin/env bats
# How connections end that were handed over, whoever is killed, stopped or
# reloaded; and who may hand over.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154,SC2317

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/handoff

# ---- signals, deaths --------------------------------------------------------------

# signal_handoffs SIGNAL: to each relay-handoff.
signal_handoffs() {
    pkill -"$1" -P "$(pid_of relay)"
}

# those_who_wait SIGNAL: end, in good order, when relay-handoff gets it.
those_who_wait() {
    start_play waiting <<'SCRIPT'
agent = poll("alice")
client = stone("bob")
RELAY_LOG = f"{SCRATCH}/forker.log"
at_point("waiting")
assert client.head().startswith(b"HTTP/1.1 503 The relay is stopping\r\n"), client.got
assert agent.rest() == b""
SCRIPT
    await_point waiting waiting
    wait_until 60 broker_knows 2
    signal_handoffs "$1"
    go_on waiting
    ended_well waiting
    says_times forker "$2" ' drained '
    wait_until 60 are_below relay ''
    wait_until 60 are_below forker ''
    rm waiting.*
}

# broker_knows COUNT: whether so many wait.
broker_knows() {
    [ "$(($(status_of agents) + $(status_of stones)))" -eq "$1" ]
}

@test "SIGTERM and SIGKILL to relay-handoff end a handler that waits, as SIGTERM to a handler does" {
    with_both
    those_who_wait TERM 2
    those_who_wait INT 4
    those_who_wait KILL 6
}

@test "when xinetd gives the service up, who waits has to go and a session runs on" {
    with_both
    start_play ends <<'SCRIPT'
agent, client = session("alice")
waiting = poll("bob")
at_point("all")
assert waiting.rest() == b""
client.send(b"there")
assert agent.read(5) == b"there"
client.finish()
assert agent.rest() == b""
agent.finish()
assert client.rest() == b""
SCRIPT
    await_point ends all
    sed -i '/disable/s/no/yes/' xinetd.conf
    kill -HUP "$(pid_of relay)"
    go_on all
    ended_well ends
    says_times forker 1 ' drained '
    wait_until 60 are_below forker ''
}

# a_session COMMAND...: that lives runs on when COMMAND is run, and ends well.
a_session() {
    start_play living <<'SCRIPT'
agent, client = session("alice")
at_point("living")
for _ in range(3):
    client.send(b"there")
    assert agent.read(5) == b"there"
    agent.send(b"back")
    assert client.read(4) == b"back"
client.finish()
assert agent.rest() == b""
agent.finish()
assert client.rest() == b""
SCRIPT
    await_point living living
    wait_until 60 are_below relay '2 relay-handoff'
    "$@"
    go_on living
    ended_well living
    wait_until 60 are_below relay ''
    rm living.*
}

@test "a session that lives runs on when relay-handoff gets SIGTERM, and so does relay-handoff" {
    still_there() {
        signal_handoffs TERM
        signal_handoffs TERM
        works
        wait_until 60 are_below relay '2 relay-handoff'
    }
    with_both
    a_session still_there
    a_session signal_handoffs KILL
    wait_until 60 are_below forker ''
}

@test "when relay-listen is killed its sessions live on, new ones work alone, and then by the next one" {
    killed() {
        stop forker KILL || :
        works
        wait_until 60 are_below relay '2 relay-handoff'
    }
    with_both
    a_session killed
    says relay ' not-handed-over .*Connection_refused$'
    says relay ' matched .*role=stone '
    start_forker
    a_session true
    says forker ' matched .*role=stone '
}

@test "relay-listen that drains leaves its sessions and the socket to the next one" {
    drained() {
        kill "$(pid_of forker)"
        wait_until 60 [ ! -e handoff.sock ]
        works
        says relay ' not-handed-over .*No_such_file'
        start next "$scratch/bin/relay-listen" -c "$scratch/relay.conf"
        await_start next says next ' start '
        works
        says next ' matched .*role=stone '
        running forker
        are_below forker '2 relay-listen'
    }
    with_both
    a_session drained
    await_end forker
    [ -e handoff.sock ]
}

@test "a stopped relay-listen is not waited for, and serves nothing twice when it goes on" {
    with_both
    kill -STOP "$(pid_of forker)"
    play <<'SCRIPT'
agent, client = session("alice")
# an end reaches the other side though relay-listen has not gone on
client.reset()
assert agent.end() == "reset", agent.ended
SCRIPT
    says_times relay 2 ' not-handed-over .*Connection_timed_out$'
    wait_until 60 are_below relay ''
    kill -CONT "$(pid_of forker)"
    wait_until 60 says_times forker 2 ' no-handoff '
    wait_until 60 are_below forker ''
    works
    says_times forker 2 ' matched '
    says_times forker 2 ' no-handoff '
}

@test "a relay-listen that is short of descriptors is not waited for either" {
    # as its own user, with one user for all: not every root may do so to others
    sed -i "s/^handler_user = .*/handler_user = $relay_user/" relay.conf
    with_both
    setpriv --reuid="$relay_user" --regid="$relay_group" --clear-groups \
        prlimit --pid "$(pid_of forker)" --nofile="$(forker_fds)"
    works
    says forker ' no-handler call=accept error=Too_many_open_files '
    says_times relay 2 ' not-handed-over .*Connection_timed_out$'
}

@test "a reload reaches the handlers of what was handed over, and those to come" {
    configure 'crl = crl.pem'
    revoke bob
    with_both
    start_play revoked <<'SCRIPT'
talk = session("alice")
agent = poll("alice")
at_point("revoked")
assert agent.end() == "clean"
assert {peer.end() for peer in talk} == {"reset"}
try:
    Peer("alice").end()
    raise AssertionError("let in")
except ssl.SSLError:
    pass
SCRIPT
    await_point revoked revoked
    revoke alice
    ctl reload
    go_on revoked
    ended_well revoked
    says forker ' removed .*role=agent .*certificate_revoked$'
    says forker ' end .*certificate_revoked$' # the other side may hear of it first
    wait_until 60 says forker ' tls-refused .*reason=certificate_revoked '
}

# ---- who may hand over, and what ---------------------------------------------------

@test "nobody but root and the relay's user may hand over" {
    is_root || skip 'needs root'
    start_forker
    a_stranger() {
        timeout 60 python3 - "$1" <<'SCRIPT'
import os, socket, sys

os.setgroups([])
os.setresgid(65533, 65533, 65533)
os.setresuid(65533, 65533, 65533)
stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
stranger.settimeout(60)
try:
    stranger.connect("handoff.sock")
    assert sys.argv[1] == "open"
    assert stranger.recv(100) == b""
except PermissionError:
    assert sys.argv[1] == "closed"
SCRIPT
    }
    a_stranger closed
    # and where somebody has opened it
    chmod 666 handoff.sock
    a_stranger open
    says forker ' stranger uid=65533 pid=[0-9]+$'
    are_below forker ''
}

@test "relay-handoff hands nothing over to a stranger" {
    is_root || skip 'needs root'
    cat >stranger.py <<'SCRIPT'
import os, socket

listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind("handoff.sock")
os.chmod("handoff.sock", 0o666)
os.setresuid(65533, 65533, 65533)
listener.listen()
print("listens", flush=True)
peer = listener.accept()[0]
assert peer.recv(1) == b""
SCRIPT
    start stranger python3 stranger.py
    await_start stranger says stranger listens
    with_xinetd
    works
    says relay ' not-handed-over .*Operation_not_permitted$'
    ended_well stranger
}

@test "what is no proper hand-over ends that connection, and leaves nothing" {
    with_both
    before=$(forker_fds)
    cat >garbage.py <<'SCRIPT'
import array, os, socket, struct, sys

HANDOFF = 22
null = os.open("/dev/null", os.O_RDONLY)

def message(version=int(sys.argv[1]), kind=HANDOFF):
    return struct.pack("=HHII", version, kind, 12, 0)

def hand_over(packet, *fds):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(60)
    peer.connect("handoff.sock")
    assert len(peer.recv(100)) == 12
    if packet is not None:
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        peer.sendmsg([packet], control)
    try:
        assert peer.recv(100) == b""
    except ConnectionResetError:
        pass

hand_over(b"x")
hand_over(b"x", null)
hand_over(message())
hand_over(message(version=2), null)
hand_over(message(kind=4), null)
hand_over(message(kind=99), null)
hand_over(message(), null, null)
hand_over(message(), *[null] * 9)
hand_over(message() + b"more", null)
hand_over(os.urandom(20000), null)
hand_over(None)
# no connection: but it is served for what it is
hand_over(message(), null)
SCRIPT
    start garbage unprivileged env PATH=/usr/bin:/bin python3 "$scratch/garbage.py" \
        "$(message_version)"
    ended_well garbage
    wait_until 60 are_below forker ''
    forker_has_fds "$before"
    says_times forker 10 ' no-handoff error=Protocol_error$'
    says_times forker 1 ' no-handoff error=Connection_timed_out$'
    not says forker ' handler-killed '
    works
}

@test "a hundred connections, half of them cut, leave no descriptor, process or zombie" {
    with_both
    take_baseline
    before=$(forker_fds)
    play <<'SCRIPT'
def one(i):
    if i % 2:
        tcp().close()
    else:
        poll("alice").close()
in_threads(one, *range(100))
SCRIPT
    assert_back_to_baseline
    not says forker ' drained '
    wait_until 60 are_below forker ''
    forker_has_fds "$before"
    works
}
