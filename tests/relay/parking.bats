#!/usr/bin/env bats
# Parked polls: an agent that has waited for long is a socket of the broker, and
# is woken for a stone.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/stones

setup_file() {
    make_pki alice bob
}

# parking: a relay that parks who has waited for a second.
parking() {
    configure 'park_after = 1'
    start_broker
    start_relay listen
}

# park_play: as play, with the names of park.py.
park_play() {
    {
        echo 'from park import *'
        cat
    } | play
}

@test 'X-Park is 1, once, and a stone may send what it likes of that name' {
    parking
    park_play <<'SCRIPT'
for value in b"", b"0", b"01", b"1 1", b"yes":
    refused(POLL + b"X-Park: " + value + b"\r\n\r\n", 400, "X-Park is not 1")
refused(POLL + b"X-Park: 1\r\nx-park: 1\r\n\r\n", 400, "X-Park is given twice")
agent = poll("alice")
client = stone("alice", b"GET / HTTP/1.1\r\nX-Park: maybe\r\n\r\n")
assert b"X-Park: maybe" in head_of_stone(agent)
SCRIPT
}

@test 'an agent is parked, lives on as a socket without a process, and serves a stone' {
    parking
    park_play <<'SCRIPT'
agent = willing("alice")
handler = handler_of(agent)
leave_tls(agent)
assert lives(agent) and lives(agent, 3)
until(lambda: gone(handler))
client = stone("alice")
is_woken(agent)
agent = poll_again(agent)
serves(agent, client)
SCRIPT
    says broker ' parked id='
    says broker ' woken id='
    says relay ' parked id='
}

@test 'who does not say so is never parked' {
    parking
    park_play <<'SCRIPT'
agent = poll("alice")
assert agent.silent(3)
client = stone("alice")
serves(agent, client)
SCRIPT
    not says broker ' parked '
}

@test 'with park_after = 0 nobody is, nor where no relay-listen is attached' {
    configure 'park_after = 0'
    start_broker
    start_relay listen
    play <<'SCRIPT'
agent = Peer("alice")
agent.send(POLL + b"X-Park: 1\r\n\r\n")
assert b"X-Park" not in agent.head()
SCRIPT
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    stop relay
    sed -i 's/^park_after = 0/park_after = 1/' relay.conf
    ctl reload || :
    start_relay xinetd
    play <<'SCRIPT'
agent = Peer("alice")
agent.send(POLL + b"X-Park: 1\r\n\r\n")
assert b"X-Park" not in agent.head()
assert agent.silent(2)
SCRIPT
}

@test 'the stone of Debian, curl and s_client reach a parked agent' {
    parking
    start_play agents <<'SCRIPT'
from park import *

def serve(agent):
    is_woken(agent)
    again = poll_again(agent)
    head = head_of_stone(again)
    again.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere")
    again.end()
    again.close()

agents = [parked("alice"), parked("alice"), parked("alice")]
at_point("parked")
in_threads(serve, *agents)
SCRIPT
    await_point agents parked
    go_on parked
    take_port
    start_stone stone alice "$port"
    exec 5<>"/dev/tcp/127.0.0.1/$port"
    read -rN 4 -t 60 answer <&5
    [ "$answer" = here ]
    exec 5>&-
    run -0 curl -sS --cert alice/cert.pem --key alice/private.pem --cacert ca.pem "https://127.0.0.1:$relay_port/"
    [ "$output" = here ]
    : >typed
    # shellcheck disable=SC2094 # the end of what is typed waits for the answer
    {
        printf 'GET / HTTP/1.1\r\n\r\n'
        wait_until 60 grep -q here typed
    } | timeout 90 openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$relay_port" \
        -cert alice/cert.pem -key alice/private.pem -CAfile ca.pem >typed 2>&1
    ended_well agents
}

@test 'of many parked agents as many are woken as stones lack, the oldest first' {
    parking
    park_play <<'SCRIPT'
agents = [parked("alice") for _ in range(4)]
other = parked("bob")
clients = [stone("alice"), stone("alice")]
for agent in agents[:2]:
    is_woken(agent)
for agent in agents[:2]:
    serves_one = poll_again(agent)
    head_of_stone(serves_one)
    serves_one.send(OK)
for client in clients:
    assert client.head() == OK
assert lives(agents[2]) and lives(agents[3]) and lives(other)
SCRIPT
    says_times broker 2 ' woken '
}

@test 'a stone that comes while its agent leaves TLS has it woken at once' {
    parking
    park_play <<'SCRIPT'
agent = willing("alice")
assert agent.end() == "clean"
client = stone("alice")
agent.finish()
is_woken(agent)
agent = poll_again(agent)
serves(agent, client)
SCRIPT
}

# bats test_tags=slow
@test 'stones that come just as park_after has passed all get their agent' {
    parking
    ROUNDS=$(often 100) park_play <<'SCRIPT'
import random

def once(delay):
    agent = willing("alice")
    since = time.monotonic()
    client = []
    timer = threading.Timer(delay, lambda: client.append(stone("alice")))
    timer.start()
    # either it is matched with its TLS, or parked and woken
    while not agent.ended and not agent.got.strip(b"\r\n"):
        agent._receive(time.monotonic() + 60)
    if agent.ended:
        agent.finish()
        is_woken(agent)
        agent = poll_again(agent)
    head_of_stone(agent)
    timer.join()
    agent.send(OK)
    assert client[0].head() == OK
    client[0].close()
    agent.close()

for _ in range(int(os.environ["ROUNDS"])):
    once(1.0 + random.uniform(-0.02, 0.06))
SCRIPT
}

@test 'a waking that crosses signs of life loses none of them, whole or cut' {
    parking
    park_play <<'SCRIPT'
for before in b"", SIGN[:1], SIGN[:5], SIGN + SIGN[:3]:
    agent = parked("alice")
    agent.sock.sendall(before)
    answers = len(before) // len(SIGN)
    assert take(agent, 6 * answers) == answers * SIGN
    until(lambda: log_lines(agent))
    time.sleep(0.2)  # the broker has the part
    client = stone("alice")
    is_woken(agent)
    # what was under way is finished, and one more was on its way
    agent.sock.sendall((SIGN[len(before) % 6:] if len(before) % 6 else b"") + SIGN)
    agent = poll_again(agent)
    serves(agent, client)
SCRIPT
}

@test 'a parked agent that died costs a stone nothing, one that does not answer some 2 s' {
    parking
    park_play <<'SCRIPT'
dead, stopped, good = parked("alice"), parked("alice"), parked("alice")
dead.reset()
until(lambda: "reset" in open(f"{SCRATCH}/broker.log").read())
client = stone("alice")
since = time.monotonic()
is_woken(good)
assert in_time(time.monotonic() - since, 2.5)
good = poll_again(good)
serves(good, client)
SCRIPT
    says broker ' left .*parked=reset$'
    says broker ' not-woken '
    ctl --json status | jq -e '.status | .parked_total == 3 and .woken_total == 2 and .wake_failures_total >= 1 and .parked == 0'
}

@test 'a stone that leaves while its agent is woken leaves the agent waiting' {
    parking
    park_play <<'SCRIPT'
agent = parked("alice")
client = stone("alice")
is_woken(agent)
client.reset()
# it is not to be parked before the next stone comes
agent = poll_again(agent, willing=False)
assert agent.silent(0.3)
client = stone("alice")
serves(agent, client)
SCRIPT
}

@test 'anything but signs of life ends a parked agent, and so do too many' {
    parking
    park_play <<'SCRIPT'
for garbage in b"\r\n", b"\x16", SIGN[:5] + b"\x02", SIGN + b"x", os.urandom(100000), WAKE:
    agent = parked("alice")
    try:
        agent.sock.sendall(garbage)
    except ConnectionError:
        pass
    assert len(take(agent, 100)) <= len(SIGN)  # the answer to one that was whole
agent = parked("alice")
try:
    for _ in range(1000):
        agent.sock.sendall(SIGN)
        time.sleep(0.001)
except ConnectionError:
    pass
assert len(take(agent, 1000 * len(SIGN))) < 1000 * len(SIGN)
assert lives(parked("bob"))
SCRIPT
    says_times broker 6 ' left .*parked=not-a-sign$'
    says broker ' left .*parked=flood$'
}

# bats test_tags=slow
@test 'a part of a sign of life has 10 seconds for the rest' {
    parking
    park_play <<'SCRIPT'
agent, other = parked("alice"), parked("bob")
agent.sock.sendall(SIGN[:3])
since = time.monotonic()
assert is_reset(agent)
assert 9.5 < time.monotonic() - since and in_time(time.monotonic() - since, 11)
assert lives(other)
SCRIPT
    says broker ' left .*parked=cut-off$'
}

# bats test_tags=slow
@test 'who gives no sign of life for two and a half times as long as it may is given up' {
    parking
    park_play <<'SCRIPT'
agent, other = parked("alice"), parked("bob")
since = time.monotonic()
while time.monotonic() - since < 110:
    assert lives(other)
    time.sleep(10)
assert is_reset(agent)
assert 120 < time.monotonic() - since and in_time(time.monotonic() - since, 127)
assert lives(other)
SCRIPT
    says broker ' left .*parked=silent$'
}
