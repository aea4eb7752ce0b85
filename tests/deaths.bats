#!/usr/bin/env bats
# Any process may be killed, or stopped for a while, at any moment of a storm of
# sessions: no stream is cut silently, none crosses into another, and the
# service is back.
#
# shellcheck disable=SC2030,SC2031,SC2154

load helpers
load clients
load stones
load faults

setup_file() {
    make_pki alice bob
}

setup() {
    is_root || skip 'needs root, to count the fds of the broker'
    prepare
}

teardown() {
    end_all
}

# under SPAWNER: a relay of it, in a storm.
under() {
    [ "$1" = listen ] || [ -n "$SYSLOG_FILE" ] || skip 'xinetd: no other syslog daemon'
    start_broker
    start_relay "$1"
    wait_until 5 spawner_is_known "$1"
    idle_fds=$(broker_fds)
    start_storm alice bob
}

# relay-listen has a connection of its own to the broker.
spawner_is_known() {
    [ "$1" = xinetd ] || [ "$("$scratch/bin/relayctl" -c relay.conf --json status 3>&- | jq .status.spawners)" -eq 1 ]
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

# held KIND...: stopped and continued, each so many times.
held() {
    local kind i
    for kind; do
        for ((i = 0; i < rounds; i++)); do
            a_random_moment
            strike "$kind" STOP
            sleep "$((RANDOM % 3)).$((RANDOM % 10))"
            kill -CONT "$struck" 2>/dev/null || :
            serves_again alice 15
            serves_again bob 15
        done
        note "$rounds times stopped and continued: $kind"
    done
}

# all_is_well: after it, the relay is as before.
all_is_well() {
    storm_was_right
    end_storm_of alice bob
    assert_nothing_is_left
    not says relay ' handler-killed .*signal=(6|11)\b'
}

@test "kill -9 of handlers, of relay-listen" {
    under listen
    killed stone-handler agent-handler any-handler
    all_is_well
}

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

@test "kill -9 of relayagent, and of its polls and sessions" {
    under listen
    killed agent agent-poll agent-session
    all_is_well
}

@test "kill -9 of relay-stone, and of its sessions" {
    under listen
    killed stone stone-session
    all_is_well
}

@test "SIGSTOP and SIGCONT of every process of the relay" {
    under listen
    held broker spawner stone-handler agent-handler any-handler
    all_is_well
}

@test "SIGSTOP and SIGCONT of xinetd and its handlers" {
    under xinetd
    held spawner stone-handler agent-handler
    all_is_well
}

@test "SIGSTOP and SIGCONT of every process of agent and stone" {
    under listen
    held agent agent-poll agent-session stone stone-session
    all_is_well
}

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
