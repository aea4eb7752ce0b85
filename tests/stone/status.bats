#!/usr/bin/env bats
# "relay-stone status": what one that listens says of its forwards.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/status

setup_file() {
    make_pki alice
}

setup() {
    prepare
    asks relay-stone stone.conf
}

@test "sessions and connections of each forward, and whether they go well" {
    with_relay
    a_line alice '--sessions 0'
    run -0 ask status
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} =~ ^relay-stone\ [0-9.]+,\ pid\ [0-9]+,\ since\ 20[0-9T:-]+Z$ ]]
    [[ ${lines[1]} == "forward localhost:$stone_port to 127.0.0.1:$relay_port: 0 sessions, 0 connections so far; the certificate ends: 20"*Z ]]
    [ "$(stat -c %a stone.status)" = 600 ]
    is .pid "$(pid_of stone)"
    exec {held}<>"/dev/tcp/127.0.0.1/$stone_port"
    wait_until 60 is '.forwards[0] | "\(.sessions) \(.connections)"' '1 1'
    # what it is about outlives a reload
    kill -HUP "$(pid_of stone)"
    wait_until 60 says stone ' reloaded '
    wait_until 60 is '.forwards[0] | "\(.sessions) \(.connections)"' '1 1'
    exec {held}>&-
    client session "$stone_port" alice 1000 1000
    wait_until 60 is '.forwards[0] | "\(.sessions) \(.connections) \(.last_error)"' '0 2 null'
    run -0 ask status
    [[ ${lines[2]} =~ ^\ \ \ \ went\ well\ at\ 20[0-9T:-]+Z$ ]]
}

@test "a refusal, and a relay that is away: since when, and why" {
    with_relay 'match_timeout = 1'
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    speak "$stone_port" hello
    wait_until 60 is '.forwards[0].last_error' 'refused: 503 No agent is there for this certificate'
    local since
    since=$(answer '.forwards[0].fails_since')
    stop relay
    speak "$stone_port" hello
    wait_until 60 is '.forwards[0].last_error' "127.0.0.1 port $relay_port: Connection refused"
    is '.forwards[0].fails_since' "$since"
    run -0 ask status
    [ "${lines[2]}" = "    fails since $since" ]
    [[ ${lines[3]} =~ ^\ \ \ \ last\ error\ at\ 20[0-9T:-]+Z:\ 127.0.0.1\ port\ [0-9]+:\ Connection\ refused$ ]]
}

@test "shared sessions: how many are there, of how many" {
    with_relay
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    stone_port=$(free_port)
    start_relay_stone stone --sessions 2 "$(to_relay "localhost:$stone_port")"
    wait_until 60 is '.forwards[0] | "\(.shared) \(.shared_wanted)"' '2 2'
    run -0 ask status
    [[ ${lines[1]} == *', 2 of 2 shared sessions are there; '* ]]
    # they have nothing of the parent's: its socket ends with it
    stop stone KILL || :
    wait_until 60 not survivors_of stone
    run -69 ask status
    [[ $output == 'relay-stone: no relay-stone runs with this configuration, or it is not yours to ask: stone.status: Connection refused' ]]
}

# survivors_of NAME: its processes.
survivors_of() {
    pgrep -f "$scratch/bin/relay-stone -C $scratch/$1.conf" >/dev/null
}

@test "one connection alone, and none that says where, has no socket" {
    with_relay
    a_line alice
    rm stone.status
    bin/relay-stone --stdio -C stone.conf </dev/null
    [ ! -e stone.status ]
    mkdir run
    export RUNTIME_DIRECTORY=$scratch/run
    write_stone_conf other "$(to_relay "localhost:$(free_port)")"
    start other bin/relay-stone -C other.conf
    wait_until 60 [ -S run/other.status ]
    run -0 bin/relay-stone status -C other.conf
}
