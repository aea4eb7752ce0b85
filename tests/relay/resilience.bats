#!/usr/bin/env bats
# What dies, and what goes on without it: the broker, either handler, the
# spawner, and a stone without an agent.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers

setup_file() {
    make_pki alice bob
}

# ---- the broker -------------------------------------------------------------

session_outlives_broker() {
    rm -f held.*
    local idle live sockets
    [ "$spawner" != listen ] || wait_until 60 spawner_is_attached
    sockets=$(unix_sockets)
    start_line alice "$steady"
    take_baseline
    idle=$baseline
    start_client live session "$stone_port" alice held
    await_point live held
    # the agent has two spare polls again: four handlers
    wait_until 60 waits agent-alice 3
    wait_until 60 handlers_are_known 4
    take_baseline
    live=$baseline

    stop broker KILL || :
    running live
    local start=$EPOCHREALTIME
    start_broker
    assert_back_to_baseline
    within 10 "$start" "$EPOCHREALTIME"
    [ "$live" = "$baseline" ]
    not says agent-alice 'not-connected'

    client session "$stone_port" alice 100000 100000
    go_on held
    ended_whole live
    baseline=$idle
    assert_back_to_baseline
    # the new broker has not seen it begin, but it knows how it ended
    wait_until 60 session_lines broker 2
    stop_line alice
}

# handlers_are_known COUNT: to the broker, each by a socket of its own, beside
# the $sockets that were there before.
handlers_are_known() {
    [ "$(handlers)" -eq "$1" ] && [ "$(unix_sockets)" -eq $((sockets + $1)) ]
}

# session_lines NAME COUNT
session_lines() {
    [ "$(grep -c ' session id=.* reason=done\b' "$1.log")" -eq "$2" ]
}

@test "the death of the broker ends no session, and agents are back within ten seconds of its return" {
    through_each_spawner session_outlives_broker
}

@test "a stone that comes while the broker is away is served when that is back" {
    start_broker
    start_relay listen
    start_line alice "$steady"
    stop broker KILL || :
    start_client early session "$stone_port" alice 1000 1000
    wait_until 60 stone_is_accepted
    start_broker
    ended_whole early
}

# stone_is_accepted: the two agents' handlers, and one more.
stone_is_accepted() {
    [ "$(handlers)" -eq 3 ]
}

# ---- the handlers -----------------------------------------------------------

# start_two_sessions: alice's, whose handlers are $stone_handler and
# $agent_handler, and bob's.
start_two_sessions() {
    rm -f alice.* bob.*
    start_line alice "$steady"
    start_client client-alice session "$stone_port" alice alice
    await_point client-alice alice
    stone_handler=$(handler_in_session stone)
    agent_handler=$(handler_in_session agent)
    start_line bob "$steady"
    start_client client-bob session "$stone_port" bob bob
    await_point client-bob bob
}

# alice_fails_and_bob_not SECONDS_SINCE
alice_fails_and_bob_not() {
    wait_until 60 not running client-alice
    run await_end client-alice
    [ "$status" -ne 0 ]
    not says client-alice '^whole'
    within 1 "$1" "$(at client-alice)"
    wait_until 60 says target-alice '^(error|clean end) '
    within 1 "$1" "$(at target-alice)"
    # a clean end would make half of it look whole
    says target-alice '^error '
    says agent-alice ' session .* reason=relay-error\b'

    go_on bob
    ended_whole client-bob
    not says target-bob '^(error|clean end) '
}

death_of_stones_handler() {
    start_two_sessions
    local start=$EPOCHREALTIME
    kill -KILL "$stone_handler"
    alice_fails_and_bob_not "$start"
    wait_until 60 says broker ' session .* reason=stone-handler-died\b'
    stop_line alice
    stop_line bob
}

@test "the death of a stone's handler is an error to the target within a second, and to nobody else" {
    through_each_spawner death_of_stones_handler
}

death_of_agents_handler() {
    start_two_sessions
    local start=$EPOCHREALTIME
    kill -KILL "$agent_handler"
    alice_fails_and_bob_not "$start"
    wait_until 60 says broker ' session .* reason=agent-handler-died\b'
    stop_line alice
    stop_line bob
}

@test "the death of an agent's handler is an error to stone within a second, and to nobody else" {
    through_each_spawner death_of_agents_handler
}

agents_handler_dies_under_s_client() {
    start_target "shout-$spawner" shout
    start_waiting_agent "agent-$spawner" alice "$target"
    start_typing "typed-$spawner" alice
    type_it "typed-$spawner" 'GET / HTTP/1.1\n\nsome words\n'
    wait_until 60 says "typed-$spawner" '^SOME WORDS'
    local victim start
    victim=$(handler_in_session agent)
    start=$EPOCHREALTIME
    kill -KILL "$victim"
    wait_until 60 not running "typed-$spawner"
    within 1 "$start" "$EPOCHREALTIME"
    # after a clean end it would say "closed"
    says "typed-$spawner" '^read:errno=104$'
    not says "typed-$spawner" '^closed$'
    exec 9>&-
    stop "agent-$spawner"
}

@test "the death of an agent's handler is a reset to openssl s_client as a stone" {
    through_each_spawner agents_handler_dies_under_s_client
}

# last_words: of an agent's and a stone's handler that hang up with messages of the
# broker unread.
last_words() {
    start_play words <<'SCRIPT'
import os, struct, sys
from handlers import *

END, DONE = 6, 1
become(os.environ["RELAY_USER"])
der = certificate(b"last words")
pair = []
for role in AGENT, STONE:
    pair.append(register(f"{SCRATCH}/broker.sock", role, der))
    assert receive(pair[-1]) == WELCOME
for sock in pair:
    data = sock.recvmsg(65536, 1024)[0]
    assert struct.unpack_from("=HH", data)[1] == MATCHED
    session = struct.unpack_from("=I", data, 8)[0]
at_point("unread")
for sock, bytes_in, bytes_out in zip(pair, (1000, 2000), (2000, 1000)):
    sock.send(packet(END, struct.pack("=IIIIQQ", session, DONE, 0, 0, bytes_in, bytes_out)))
    sock.close()
SCRIPT
}

@test "what handlers say last is heard, even where they have not heard all" {
    start_broker
    export RELAY_USER=$relay_user
    last_words
    await_point words unread
    ctl log-level debug
    kill -STOP "$(pid_of broker)" # it hears all of it when they are gone
    go_on unread
    await_end words
    kill -CONT "$(pid_of broker)"
    wait_until 60 says broker ' session .* up=2000 down=1000 reason=done$'
}

@test "what died leaves nothing behind" {
    start_broker
    start_relay listen
    start_line alice "$steady"
    take_baseline
    for role in stone agent; do
        start_client "by-$role" session "$stone_port" alice "held-$role"
        await_point "by-$role" "held-$role"
        kill -KILL "$(handler_in_session "$role")"
        run await_end "by-$role"
        [ "$status" -ne 0 ]
        assert_back_to_baseline
    done
    client session "$stone_port" alice 1000 1000
    assert_back_to_baseline
}

# ---- the spawner ------------------------------------------------------------

session_outlives_spawner() {
    rm -f held.*
    start_line alice "$steady"
    start_client live session "$stone_port" alice held
    await_point live held
    kill -TERM "$(pid_of relay)"
    wait_until 60 not listening "$relay_port"
    running live
    go_on held
    ended_whole live
    await_end relay 10 || :
    stop_line alice
    start_relay "$spawner"
}

@test "a live session outlives the end of its spawner" {
    through_each_spawner session_outlives_spawner
}

# ---- no agent ---------------------------------------------------------------

nobody_is_there() {
    local stone="stone-$spawner" start
    stone_port=$(free_port)
    start_stone "$stone" alice "$stone_port"
    take_baseline
    start=$EPOCHREALTIME
    run -0 fetch alice / -i
    within 4 "$start" "$EPOCHREALTIME"
    not_before 2 "$start" "$EPOCHREALTIME"
    [ "${lines[0]}" = $'HTTP/1.1 503 No agent is there for this certificate\r' ]
    [[ $output =~ X-Reason:\ No\ agent ]]
    [[ $output =~ Retry-After:\ [1-9] ]]
    start=$EPOCHREALTIME
    run -0 client ends-last "$stone_port" 0
    [ "$output" = 'took 0' ]
    within 4 "$start" "$EPOCHREALTIME"
    not_before 2 "$start" "$EPOCHREALTIME"
    assert_back_to_baseline
    stop "$stone" || :
}

# bats test_tags=slow
@test "without an agent there is a 503 after match_timeout, and the end to a client of stone" {
    configure 'match_timeout = 2'
    through_each_spawner nobody_is_there
}

late_agent_is_used() {
    local sockets
    sockets=$(unix_sockets)
    start_target "late-$spawner" whole intra
    stone_port=$(free_port)
    start_stone "stone-$spawner" alice "$stone_port"
    start_client "early-$spawner" session "$stone_port" intra 1000 1000
    wait_until 60 handlers_are_known 1
    start_agent "agent-$spawner" alice "$target"
    ended_whole "early-$spawner"
    stop "stone-$spawner" || :
    stop "agent-$spawner"
}

@test "an agent that comes within match_timeout is used" {
    through_each_spawner late_agent_is_used
}
