#!/usr/bin/env bats
# Agents come and go: several with one certificate, dead, stopped, restarted,
# and before the relay is there.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients

setup_file() {
    make_pki alice
    "$built/relay-ca" -d "$pki" server relay.test >/dev/null
}

# start_two_agents: one and two, each to a target of its own, and a stone.
start_two_agents() {
    start_broker
    start_relay listen
    start_target target-one whole intra
    start_waiting_agent one alice "$target" "$steady"
    start_target target-two whole intra
    start_waiting_agent two alice "$target" "$steady"
    stone_port=$(free_port)
    start_stone stone alice "$stone_port"
}

served() {
    grep -c '^whole' "$1.log" || :
}

@test "two agents with one certificate both serve" {
    start_two_agents
    take_baseline
    client sessions "$stone_port" intra 10 1
    [ $(($(served target-one) + $(served target-two))) -eq 10 ]
    [ "$(served target-one)" -gt 0 ]
    [ "$(served target-two)" -gt 0 ]
    assert_back_to_baseline
}

@test "the death of one of two agents loses no later session" {
    start_two_agents
    client sessions "$stone_port" intra 4 1
    [ "$(served target-one)" -gt 0 ]
    local before
    before=$(served target-one)
    signal_all one KILL
    client sessions "$stone_port" intra 10 1
    [ "$(served target-one)" -eq "$before" ]
    [ "$(served target-two)" -eq $((14 - before)) ]
}

@test "an agent that dies while sessions arrive loses none that comes after" {
    start_two_agents
    start_client live session "$stone_port" intra held
    await_point live held
    # the agent that does not carry the live session
    local idle=one
    not says target-one session || idle=two
    start_client more sessions "$stone_port" intra 40 4
    wait_until 60 says "target-$idle" '^whole'
    # its own sessions end with it: only those may fail
    signal_all "$idle" KILL
    await_end more 60 || :
    [ "$(wc -l <more.log)" -ge 36 ]
    client sessions "$stone_port" intra 10 2
    go_on held
    ended_whole live
}

@test "a stopped agent costs a stone three seconds at most, and serves again when it goes on" {
    start_two_agents
    local stopped
    stopped=$(all_of one)
    signal_all one STOP
    for _ in 1 2 3 4 5; do
        run -0 client session "$stone_port" intra 1000 1000
        echo "$output"
        within 3 0 "${output##*seconds=}"
    done
    [ "$(served target-one)" -eq 0 ]
    [ "$(served target-two)" -eq 5 ]
    # shellcheck disable=SC2086
    kill -CONT $stopped
    signal_all two KILL
    client session "$stone_port" intra 1000 1000
    [ "$(served target-one)" -eq 1 ]
}

@test "the waiting polls of an agent end with it, however it ends" {
    start_broker
    start_relay listen
    take_baseline
    start_waiting_agent agent alice 127.0.0.1:9
    [ "$(handlers)" -eq 2 ]
    kill -KILL "$(pid_of agent)"
    assert_back_to_baseline
}

@test "an agent that is restarted serves again" {
    start_broker
    start_relay listen
    start_line alice "$steady"
    for _ in 1 2; do
        client session "$stone_port" alice 1000 1000
        stop agent-alice
        start_waiting_agent agent-alice alice "$target" "$steady"
        take_baseline
    done
    client session "$stone_port" alice 1000 1000
    assert_back_to_baseline
}

# ---- an agent without a relay -----------------------------------------------

@test "an agent that starts before the relay connects when that is there" {
    start_target intra whole intra
    start_agent agent alice "$target"
    wait_until 60 fails_to_connect agent '127\.0\.0\.1_port_[0-9]+:_Connection_refused' 3
    start_broker
    start_relay listen
    wait_until 60 waits agent 2
    stone_port=$(free_port)
    start_stone stone alice "$stone_port"
    client session "$stone_port" intra 1000 1000
}

@test "an agent returns to a relay that was away" {
    start_broker
    start_relay listen
    start_line alice "$steady"
    client session "$stone_port" alice 1000 1000
    # the one in the place of the one that was taken, too
    wait_until 60 waits agent-alice 3
    stop relay
    wait_until 60 fails_to_connect agent-alice '[^ ]+_Connection_refused' 2
    start_relay listen
    wait_until 60 waits agent-alice 5
    client session "$stone_port" alice 1000 1000
}

@test "a relay whose name does not resolve is retried, and the name looked up anew" {
    needs_own_names
    cp "$pki/server/relay.test"/*.pem .
    give cert.pem private.pem
    start_broker
    start_relay listen
    start_target intra whole intra
    start agent knows_names bin/relayagent -n -m 1 -k alice/private.pem -c alice/cert.pem \
        -a ca.pem "relay.test:$relay_port" "$target"
    wait_until 60 fails_to_connect agent 'relay\.test:_[^ ]*(not_known|name_resolution)[^ ]*' 2
    echo '127.0.0.1 relay.test' >>hosts
    wait_until 60 waits agent 1
    stone_port=$(free_port)
    sed -i 's/127.0.0.1 localhost/& stone/' hosts
    start_stone stone alice "$stone_port"
    client session "$stone_port" intra 1000 1000
}

# ---- SIGTERM ----------------------------------------------------------------

# start_session: a live one, which goes on until "go_on held".
start_session() {
    configure 'match_timeout = 1'
    start_broker
    start_relay listen
    start_line alice "$steady"
    start_client live session "$stone_port" alice held
    await_point live held
    wait_until 60 waits agent-alice 3
}

# two_handlers_are_left: those of the live session.
two_handlers_are_left() {
    [ "$(handlers)" -eq 2 ]
}

@test "SIGTERM to an agent ends its polls, and lets a live session come to its end" {
    start_session
    kill -TERM "$(pid_of agent-alice)"
    wait_until 60 says agent-alice ' draining '
    # the relay has no agent any more
    wait_until 60 two_handlers_are_left
    run -0 fetch alice / -o /dev/null -w '%{http_code}'
    [ "$output" = 503 ]
    running agent-alice
    running live
    go_on held
    ended_whole live
    await_end agent-alice
    says agent-alice ' session in=[0-9]+ out=[0-9]+ reason=done\b'
}

@test "SIGUSR2 to an agent ends it and its polls at once, and no session; the next one polls" {
    start_session
    stop agent-alice USR2
    says agent-alice ' leaving processes=[0-9]+$'
    wait_until 60 two_handlers_are_left
    start_waiting_agent agent-next alice "$target" "$steady"
    start_client second session "$stone_port" alice more
    await_point second more
    go_on held
    ended_whole live
    go_on more
    ended_whole second
    says agent-alice ' session in=[0-9]+ out=[0-9]+ reason=done\b'
}

@test "a second SIGTERM to an agent ends a live session, and its stone sees an error" {
    start_session
    kill -TERM "$(pid_of agent-alice)"
    wait_until 60 says agent-alice ' draining '
    running live
    kill -TERM "$(pid_of agent-alice)"
    await_end agent-alice
    run await_end live
    [ "$status" -ne 0 ]
    not says live whole
    wait_until 60 says relay ' end .* role=stone .* reason=other-side-error$'
    wait_until 60 says broker ' session .* reason=agent-error\b'
}

# start_upload: a client that has sent something, and may send more.
start_upload() {
    start_broker
    start_relay listen
    start_target intra shout
    start_waiting_agent agent alice "$target"
    stone_port=$(free_port)
    start_stone stone alice "$stone_port"
    mkfifo words
    start upload from_file words socat - "TCP:127.0.0.1:$stone_port"
    exec 9>words
    echo 'some words' >&9
    wait_until 60 says upload '^SOME WORDS'
    wait_until 60 waits agent 3
}

@test "a second SIGTERM to an agent is an error to its target, too, and no clean end" {
    start_upload
    kill -TERM "$(pid_of agent)"
    wait_until 60 says agent ' draining '
    kill -TERM "$(pid_of agent)"
    await_end agent
    wait_until 60 says intra '^(error|clean end) '
    says intra '^error '
    exec 9>&-
}

@test "an agent that is killed is an error to its target, and no clean end" {
    start_upload
    signal_all agent KILL
    wait_until 60 says intra '^(error|clean end) '
    says intra '^error '
    exec 9>&-
}

@test "two agents with one certificate are told of in the broker's log, once" {
    with_relay
    start_target one whole one
    start_waiting_agent first alice "$target" "$steady"
    # one process alone has many polls
    not says broker ' two-agents '
    start_target other whole other
    start_waiting_agent second alice "$target" "$steady"
    says_times broker 1 " two-agents customer=default identity=[0-9a-f]{64} peer=127.0.0.1:[0-9]+ other=127.0.0.1:[0-9]+$"
}
