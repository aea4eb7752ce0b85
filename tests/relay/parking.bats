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

# parking LINE...: a relay that parks who has waited for a second.
parking() {
    configure 'park_after = 1' "$@"
    start_broker
    start_relay listen
}

# park_play: as play, with the names of park.py.
park_play() {
    { echo 'from park import *'; cat; } | play
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
