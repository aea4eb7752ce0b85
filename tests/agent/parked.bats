#!/usr/bin/env bats
# Parked polls, as a relay made by hand sees them: an agent that nobody wants is a
# socket, until it is woken.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients

setup_file() {
    make_pki alice
}

setup() {
    prepare
    cp "$tests/lib/parker.py" .
}

# agent [LINE...]: to an echo, through the relay of the script.
agent() {
    echo_port=$(free_port)
    start echo socat "TCP4-LISTEN:$echo_port,fork,reuseaddr,backlog=128" EXEC:cat
    wait_until 60 listening "$echo_port"
    start_agent agent alice "127.0.0.1:$echo_port" "$@"
    wait_until 60 [ -S agent.status ]
}

# with_script: a relay, of the script on stdin.
with_script() {
    start_play relay
    wait_until 60 command_or_end relay listening "$relay_port"
}

# asked FILTER: of jq, on what the agent says of its relay.
asked() {
    timeout 60 bin/relayagent status --json -C agent.conf 3>&- | jq -r ".relays[0] | $1"
}

# is FILTER VALUE: for wait_until.
is() {
    [ "$(asked "$1")" = "$2" ]
}

# polls N: processes of the agent beside the pool.
polls() {
    children_of "$(pid_of agent)"
    [ "${#children[@]}" -eq "$1" ]
}

@test "a poll is parked: it has no process, says now and then that it is there, and is woken for a stone" {
    with_script <<SCRIPT
from parker import *
relay = Relay()
polls = [relay.poll(), relay.poll()]
assert all(b"\r\nX-Park: 1\r\n" in poll.head for poll in polls)
at_point("waiting")
for poll in polls:
    poll.park()
at_point("parked")
for _ in range(3):
    for poll in polls:
        poll.echo()
for number in range($(often 50)):
    for poll in polls:
        poll.wake()
        assert b"\r\nX-Park: 1\r\n" in poll.head
        poll.park()
        poll.echo()
polls[0].wake()
assert polls[0].serve(b"hello") == b"hello"
more = relay.poll()
polls[1].wake()
assert polls[1].serve(b"there") == b"there"
at_point("served")
SCRIPT
    agent
    await_point relay waiting
    wait_until 60 is '"\(.polls) \(.waiting) \(.parked)"' '2 2 0'
    polls 2
    go_on waiting
    await_point relay parked
    wait_until 60 is '"\(.polls) \(.waiting) \(.parked) \(.wanted)"' '2 2 2 2'
    wait_until 60 polls 0
    [[ $(bin/relayagent status -C agent.conf) == *": 2 of 2 polls wait (2 parked), 0 sessions, 0 clients so far"* ]]
    says_times agent 2 " parked relay=127.0.0.1:$relay_port$"
    kill -USR1 "$(pid_of agent)"
    wait_until 60 says agent ' status relay=.* waiting=2 parked=2 wanted=2 arrivals=0$'
    go_on parked
    await_point relay served
    says_at_least agent 10 " woken relay=127.0.0.1:$relay_port$"
    wait_until 60 is '.arrivals' 2
    go_on served
    ended_well relay
    not says agent ' park-lost '
}

@test "a relay that does not say X-Park, or not well, ends the poll" {
    local value
    for value in '' 0 50s -1 +50 '50 ' 050x 3601 99999999; do
        with_script <<SCRIPT
from parker import *
poll = Relay(b"X-Park: $value\r\n" if "$value" else b"").poll()
poll.say_end()
assert poll.sock.recv(10) == b""
SCRIPT
        : >agent.log
        agent '-m 1'
        ended_well relay
        wait_until 60 says agent ' not-connected .* reason=the_relay_ended_the_poll:_cleanly '
        not says agent ' parked '
        stop agent
        stop echo || :
    done
}

@test "FIN or RST instead of parking: the poll is over, and begins again soon" {
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
poll = relay.poll()
poll.park()
poll.sock.close()
poll = relay.poll()
poll.park()
poll.reset()
poll = relay.poll()
poll.say_end()
poll.reset()
poll = relay.poll()
at_point("back")
SCRIPT
    agent '-m 1'
    await_point relay back
    wait_until 60 is '"\(.waiting) \(.parked) \(.error)"' '1 0 null'
    says agent ' not-connected .* reason=the_relay_ended_the_poll:_cleanly '
    says agent ' not-connected .* reason=the_relay_ended_the_poll:_Connection_reset_by_peer '
    go_on back
    ended_well relay
}

@test "a wake may cross signs of life, come in pieces, and at once; what is no sign ends it" {
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
poll = relay.poll()
# as close behind close_notify as can be
poll.say_end()
poll.sock.sendall(WAKE)
while poll.read():
    pass
poll.early = poll.incoming.read()
poll.wake(b"")
# not answered: it is on its way as the wake is
poll.park()
poll.sign()
poll.wake()
# with the answer before it, in one segment, and in two that cut both
for cut in (0, 3, 6, 8, 14):
    poll.park()
    poll.sign()
    whole = SIGN + WAKE
    if cut:
        poll.sock.sendall(whole[:cut])
        time.sleep(0.05)
    poll.wake(whole[cut:])
bads = (b"\r\n", SIGN, WAKE[:8] + b"x", b"\x15\x03\x03\0\2\1\0", b"\x14\x03\x03\0\1\2")
polls = [poll] + [relay.poll() for _ in bads]
for poll in polls:
    poll.park()
for poll, bad in zip(polls, bads):
    poll.sock.sendall(bad)
    assert in_time(poll.ended(), 5), bad
polls[-1].sign()
polls[-1].sock.sendall(SIGN + SIGN)
polls[-1].ended()
SCRIPT
    agent '-m 7:7'
    ended_well relay
    says agent ' not-connected .* reason=the_relay_ended_the_poll:_it_says_what_it_should_not '
}

# bats test_tags=slow
@test "no answer to a sign of life for 15 seconds, or half a wake: it polls anew" {
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
polls = [relay.poll() for _ in range(3)]
for poll in polls:
    poll.park()
for poll in polls:
    poll.sign()
start = time.monotonic()
polls[1].sock.sendall(SIGN[:5])
polls[2].sock.sendall(SIGN + WAKE[:5])
for poll in polls:
    poll.ended()
    assert 12 < time.monotonic() - start
assert in_time(time.monotonic() - start, 17)
relay.poll()
assert in_time(time.monotonic() - start, 17 + 5)
SCRIPT
    agent '-m 3:3'
    ended_well relay
    # the last one is told of as a relay that is away, where none polls anew yet
    says_times agent 3 ' (park-lost|not-connected) .* reason=the_relay_ended_a_parked_poll:_no_answer_to_a_sign_of_life '
}

# bats test_tags=slow
@test "a relay that loses its parked polls: one is back within 5 seconds, the others later" {
    with_script <<'SCRIPT'
from parker import *
relay = Relay(b"X-Park: 5\r\n")
polls = [relay.poll() for _ in range(8)]
for poll in polls:
    poll.park()
end = time.monotonic() + 11
while time.monotonic() < end:
    for poll in polls:
        poll.echo()
at_point("settled")
for poll in polls:
    poll.reset()
start = time.monotonic()
back = []
for _ in polls:
    poll = relay.poll()
    back.append(time.monotonic() - start)
print([round(b) for b in back])
assert in_time(back[0], 5)
assert in_time(back[-1], 45)
assert back[3] > 1, back
SCRIPT
    agent '-m 8:8'
    await_point relay settled
    go_on settled
    wait_until 60 says agent ' park-lost '
    is .parked 0
    wait_until 120 not running relay
    ended_well relay
    says_times agent 7 ' park-lost relay=[^ ]+ reason=the_relay_ended_a_parked_poll:_Connection_reset_by_peer retry_ms=[0-9]+$'
    says_times agent 1 ' not-connected .* reason=the_relay_ended_a_parked_poll:_Connection_reset_by_peer retry_ms=[0-9]{1,4}$'
}

@test "the relay's certificate is looked at anew when it wakes" {
    bin/relay-ca -d other init >/dev/null
    bin/relay-ca -d other server 127.0.0.1 >/dev/null
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
poll = relay.poll()
poll.park()
other = Relay.__new__(Relay)
other.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
other.context.load_cert_chain(f"{SCRATCH}/other/server/127.0.0.1/cert.pem", f"{SCRATCH}/other/server/127.0.0.1/private.pem")
poll.relay = other
try:
    poll.wake()
    assert False
except (ssl.SSLError, ConnectionError):
    pass
relay.poll()
SCRIPT
    agent '-m 1'
    ended_well relay
    says agent ' not-connected .* reason=TLS:_unable_to_get_local_issuer_certificate '
}

@test "SIGHUP and SIGTERM end parked polls, and so does the end of the pool" {
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
for point in ("hup", "term", "kill"):
    polls = [relay.poll(), relay.poll()]
    for poll in polls:
        poll.park()
    at_point(point)
    for poll in polls:
        poll.ended()
SCRIPT
    agent
    await_point relay hup
    wait_until 60 is .parked 2
    kill -HUP "$(pid_of agent)"
    go_on hup
    await_point relay term
    wait_until 60 is .parked 2
    stop agent
    says agent ' draining processes=0$'
    go_on term
    start_agent agent alice "127.0.0.1:$echo_port"
    await_point relay kill
    wait_until 60 is .parked 2
    stop agent KILL || :
    go_on kill
    ended_well relay
}

@test "a parked poll is nobody's but the pool's: polls and sessions do not have its socket" {
    is_root || skip 'needs root'
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
first, second = relay.poll(), relay.poll()
second.park()
first.send(b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
third = relay.poll()
at_point("three")
SCRIPT
    agent '-m 2:2'
    await_point relay three
    wait_until 60 is '"\(.waiting) \(.parked) \(.sessions)"' '2 1 1'
    children_of "$(pid_of agent)"
    [ "${#children[@]}" -eq 2 ]
    local pid
    for pid in "${children[@]}"; do
        [ "$(tcp_to_relay "$pid")" -eq 1 ]
    done
    go_on three
    ended_well relay
}

# tcp_to_relay PID: how many connections to the relay it has.
tcp_to_relay() {
    local port
    printf -v port ':%04X' "$relay_port"
    find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' |
        grep -cFx -f <(awk -v port="$port$" '$3 ~ port { print "socket:[" $10 "]" }' /proc/net/tcp)
}

@test "under load all polls are ready ones, and the parked ones give way" {
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
polls = [relay.poll() for _ in range(8)]
for poll in polls:
    poll.park()
at_point("idle")
# two sessions in each second: nobody has to be woken for the second one
for poll in polls[:2]:
    poll.wake()
    poll.serve(b"x")
at_point("busy")
relay.listener.settimeout(1)
ready = []
end = time.monotonic() + 30
while time.monotonic() < end and not os.path.exists(f"{SCRATCH}/seen"):
    try:
        ready.append(relay.poll())
    except TimeoutError:
        pass
    if ready:
        ready.pop(0).serve(b"x")
SCRIPT
    agent '-m 8:8'
    await_point relay idle
    wait_until 60 is .parked 8
    go_on idle
    await_point relay busy
    go_on busy
    wait_until 60 is .parked 0
    touch seen
    ended_well relay
}

@test "an HTTP proxy that cuts idle connections: signs of life keep a parked poll, and one that was cut begins anew" {
    local proxy_port
    proxy_port=$(free_port)
    printf '%s\n' "Port $proxy_port" 'Listen 127.0.0.1' 'Timeout 3' 'Allow 127.0.0.1' >tinyproxy.conf
    start tinyproxy tinyproxy -d -c tinyproxy.conf
    wait_until 60 listening "$proxy_port"
    with_script <<'SCRIPT'
from parker import *
relay = Relay()
poll = relay.poll()
poll.park()
end = time.monotonic() + 9
while time.monotonic() < end:
    poll.echo()
relay.park = b"X-Park: 3600\r\n"
poll.wake()
assert poll.serve(b"hello") == b"hello"
poll = relay.poll()
poll.park()
assert poll.ended() > 1
relay.poll()
SCRIPT
    agent '-m 1:1' "-x 127.0.0.1:$proxy_port"
    ended_well relay
    stop tinyproxy || :
}
