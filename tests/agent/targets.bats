#!/usr/bin/env bats
# Targets that an agent can't reach, or that break off: who learns of it, and
# what.
#
# Debian's stone takes the head of each answer away, whatever its status, and
# ends its client's connection in one way only. So its client sees nothing but
# the end, where curl and the agent's log have the reason.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients

setup_file() {
    make_pki alice
}

setup() {
    prepare
    start_broker
    start_relay listen
}

# start_way: an agent to $target and a stone.
start_way() {
    start_waiting_agent agent alice "$target" "$steady"
    stone_port=$(free_port)
    start_stone stone alice "$stone_port"
}

# is_502 REASON: what curl has just got is that.
is_502() {
    [[ $output == *"HTTP/1.1 502 Target unreachable: $1"* ]]
    [[ $output == *"X-Reason: Target unreachable: $1"* ]]
    [ "${lines[-1]}" = "Target unreachable: $1" ]
}

# stone_brings_nothing SECONDS: its client's connection ends empty, that soon.
stone_brings_nothing() {
    run timeout 60 curl -sS --max-time "$1" "http://127.0.0.1:$stone_port/"
    [ "$status" -eq 52 ]
    [[ $output == *"Empty reply from server"* ]]
}

@test "a target that refuses is a 502 with the reason, and the end to a client of stone" {
    target=127.0.0.1:$(free_port)
    start_way
    take_baseline
    run -0 fetch alice / -i
    is_502 "127.0.0.1 port ${target#*:}: Connection refused"
    stone_brings_nothing 5
    [ "$(grep -c " target-unreachable target=$target reason=[^ ]*Connection_refused\b" agent.log)" -eq 2 ]
    assert_back_to_baseline
}

@test "a 502 arrives whole at a client that goes on sending" {
    target=127.0.0.1:$(free_port)
    start_way
    take_baseline
    head -c 20000000 /dev/zero >upload
    for _ in 1 2 3 4 5; do
        # Expect: curl would wait for the answer
        run -0 fetch alice / -i -H Expect: --data-binary @upload
        is_502 "127.0.0.1 port ${target#*:}: Connection refused"
    done
    assert_back_to_baseline
}

# bats test_tags=slow
@test "a target that hangs is a 502 after ten seconds, and the end to a client of stone" {
    start_target hung full
    start_way
    take_baseline
    start_client through-stone ends-last "$stone_port" 0
    local start=$EPOCHREALTIME
    run -0 fetch alice / -i
    is_502 "127.0.0.1 port ${target#*:}: Connection timed out"
    within 12 "$start" "$EPOCHREALTIME"
    not_before 9 "$start" "$EPOCHREALTIME"
    await_end through-stone
    says through-stone '^took 0$'
    assert_back_to_baseline
}

@test "a target whose name does not resolve is a 502 with the reason" {
    needs_own_names
    target=no-such-host:80
    start agent knows_names bin/relayagent -n -m 2:2 -k alice/private.pem -c alice/cert.pem -a ca.pem \
        "127.0.0.1:$relay_port" "$target"
    await_start agent waits agent 2
    take_baseline
    run -0 fetch alice / -i
    is_502 "no-such-host: Name or service not known"
    assert_back_to_baseline
}

@test "a target whose name resolves later is reached then" {
    needs_own_names
    start_target intra whole intra
    start agent knows_names bin/relayagent -n -m 2:2 -k alice/private.pem -c alice/cert.pem -a ca.pem \
        "127.0.0.1:$relay_port" "late-host:${target#*:}"
    await_start agent waits agent 2
    stone_port=$(free_port)
    start_stone stone alice "$stone_port"
    run client session "$stone_port" intra 1 1
    [ "$status" -ne 0 ]
    echo '127.0.0.1 late-host' >>hosts
    client session "$stone_port" intra 1000 1000
}

@test "a target that is back is reached again" {
    start_target intra whole intra
    start_way
    stop intra || :
    stone_brings_nothing 5
    start intra python3 -SB "$tests/lib/traffic.py" target whole "${target#*:}" intra
    await_start intra listening "${target#*:}"
    client session "$stone_port" intra 1000 1000
}

# start_web_way: an agent without -n to $target.
start_web_way() {
    start agent bin/relayagent -m 2:2 -k alice/private.pem -c alice/cert.pem -a ca.pem \
        "127.0.0.1:$relay_port" "$target"
    await_start agent waits agent 2
}

@test "a target that resets in the middle of a page is an error to curl, and no clean end" {
    # the page has no length: a clean end would make it whole
    start_target broken resets 5000000
    start_web_way
    take_baseline
    for _ in 1 2 3; do
        run fetch alice / -o page
        [ "$status" -eq 56 ]
    done
    [ "$(grep -c ' session .* reason=target-error\b' agent.log)" -eq 3 ]
    [ "$(grep -c ' session .* reason=agent-error\b' broker.log)" -eq 3 ]
    assert_back_to_baseline
}

@test "a target that resets is a reset to openssl s_client as a stone" {
    start_target broken resets 5000000
    start_way
    take_baseline
    start_typing typed alice
    type_it typed 'GET / HTTP/1.1\n\n'
    run await_end typed
    exec 9>&-
    # after a clean end it would say "closed"
    says typed '^read:errno=104$'
    not says typed '^closed$'
    assert_back_to_baseline
}

@test "a target that resets ends the connection of a client of stone at once" {
    start_target broken resets 5000000
    start_way
    take_baseline
    run -0 timeout 60 python3 -SB "$tests/lib/traffic.py" client ends-last "$stone_port" 0
    [ "${output#took }" -lt 5000000 ]
    wait_until 60 says relay ' end .* role=stone .* reason=other-side-error$'
    wait_until 60 says agent ' session .* reason=target-error\b'
    assert_back_to_baseline
}
