#!/usr/bin/env bats
# Any process may be killed at any moment of a storm of sessions: no stream is
# cut silently, none crosses into another, and the service is back.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/faults

setup_file() {
    make_pki alice bob
}

setup() {
    is_root || skip 'needs root, to count the fds of the broker'
    prepare
}

# killed KIND...: each so many times, at random moments.
killed() {
    local kind i
    for kind; do
        for ((i = 0; i < rounds; i++)); do
            a_random_moment
            strike "$kind" KILL
            revive "$kind"
            serves_again alice 15
            serves_again bob 15
        done
        note "$rounds times killed: $kind"
    done
}

# bats test_tags=slow
@test "kill -9 of handlers, of relay-listen" {
    under listen
    killed stone-handler agent-handler any-handler
    all_is_well
}

# bats test_tags=slow
@test "kill -9 of handlers, of xinetd" {
    under xinetd
    killed stone-handler agent-handler any-handler
    all_is_well
}

@test "kill -9 of the broker" {
    under listen
    killed broker
    all_is_well
}

@test "kill -9 of relay-listen" {
    under listen
    killed spawner
    all_is_well
}

@test "kill -9 of xinetd" {
    under xinetd
    killed spawner
    all_is_well
}

# bats test_tags=slow
@test "kill -9 of relayagent, and of its polls and sessions" {
    under listen
    killed agent agent-poll agent-session
    all_is_well
}

# bats test_tags=slow
@test "kill -9 of relay-stone, and of its sessions" {
    under listen
    killed stone stone-session
    all_is_well
}
