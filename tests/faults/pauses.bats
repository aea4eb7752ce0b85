#!/usr/bin/env bats
# Any process may stand still for a while, or be told to reload, at any moment of a
# storm of sessions: nothing breaks that could have waited, and nothing crosses.
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

# held KIND...: stopped and continued, each so many times.
held() {
    local kind i
    for kind; do
        for ((i = 0; i < rounds; i++)); do
            a_random_moment
            strike "$kind" STOP
            pause "$((RANDOM % 3)).$((RANDOM % 10))"
            kill -CONT "$struck" 2>/dev/null || :
            serves_again alice 15
            serves_again bob 15
        done
        note "$rounds times stopped and continued: $kind"
    done
}

# bats test_tags=slow
@test "SIGSTOP and SIGCONT of every process of the relay" {
    under listen
    held broker spawner stone-handler agent-handler any-handler
    all_is_well
}

# bats test_tags=slow
@test "SIGSTOP and SIGCONT of xinetd and its handlers" {
    under xinetd
    held spawner stone-handler agent-handler
    all_is_well
}

# bats test_tags=slow
@test "SIGSTOP and SIGCONT of every process of agent and stone" {
    under listen
    held agent agent-poll agent-session stone stone-session
    all_is_well
}

# bats test_tags=slow
@test "SIGHUP to the spawner and to the broker in a storm breaks nothing" {
    for spawner in listen xinetd; do
        [ "$spawner" = listen ] || [ -n "$SYSLOG_FILE" ] || break
        under "$spawner"
        for ((i = 0; i < rounds * 3; i++)); do
            a_random_moment
            kill -HUP "$(pid_of relay)"
            a_random_moment
            kill -HUP "$(pid_of broker)"
        done
        serves_again alice 15
        all_is_well
        says storm ' broken=0 wrong=0$'
        note "$((rounds * 3)) reloads through $spawner"
        stop relay || :
        stop broker
    done
}
