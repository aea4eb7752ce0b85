#!/usr/bin/env bats
# Many connections over one session, of relay-stone and relayagent.
#
# shellcheck disable=SC2030,SC2031,SC2154

load helpers
load clients
load stones

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    start_broker
    start_relay listen
}

teardown() {
    end_all
}

# start_shared NAME SESSIONS: a relay-stone on $stone_port with so many sessions, all ready.
start_shared() {
    stone_port=$(free_port)
    start_relay_stone "$1" "--sessions $2" "$(to_relay "localhost:$stone_port")"
    wait_until 10 sessions_are "$2"
}

# sessions_are COUNT: so many sessions are matched and live.
sessions_are() {
    [ "$("$scratch/bin/relayctl" -c "$scratch/relay.conf" --json sessions | jq '.sessions | length')" -eq "$1" ]
}

@test 'connections of one after the other share a session' {
    start_target target shout
    start_waiting_agent agent alice "$target"
    start_shared stone 1
    for _ in {1..20}; do
        [ "$(speak "$stone_port" hello)" = "got=b'HELLO' ended=clean" ]
    done
    sessions_are 1
    says_times agent 1 ' taken'
}
