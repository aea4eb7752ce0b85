#!/usr/bin/env bats
# Sessions of many connections, and what becomes of these when something dies,
# is stopped, read anew, or knows nothing of them.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/shared

setup_file() {
    make_pki alice
}

setup() {
    prepare
    start_broker
    start_relay listen
}

# a_shared_line SESSIONS: a target "whole", an agent and a relay-stone.
a_shared_line() {
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    start_shared stone "$1"
}

# start_traffic COUNT: clients whose bytes flow both ways.
start_traffic() {
    local i
    traffic=$1
    for ((i = 1; i <= traffic; i++)); do
        start_client "client$i" session "$stone_port" alice "$scratch/point$i"
    done
    for ((i = 1; i <= traffic; i++)); do
        await_point "client$i" "point$i"
    done
}

# all_broke: each of them saw an error, and no end.
all_broke() {
    local i
    for ((i = 1; i <= traffic; i++)); do
        ! await_end "client$i" 10 || return
        says "client$i" '^error at='
    done
    wait_until 60 says_times target "$traffic" '^error at='
    says_times target 0 '^clean end'
}

# works_again: a new connection does, within 5 seconds.
works_again() {
    wait_until 60 client session "$stone_port" alice 100000 100000
}

@test "the relay's handler of relay-stone is killed: all connections break, new ones work" {
    a_shared_line 1
    start_traffic 5
    kill -9 "$(handler_in_session stone)"
    all_broke
    works_again
}

@test "the relay's handler of the agent is killed: all connections break, new ones work" {
    a_shared_line 1
    start_traffic 5
    kill -9 "$(handler_in_session agent)"
    all_broke
    works_again
}

@test 'the agent is killed: all connections break, and work with another agent' {
    a_shared_line 1
    start_traffic 5
    signal_all agent KILL
    start_waiting_agent agent2 alice "$target"
    all_broke
    works_again
}

@test 'relay-stone is killed: all connections break, and work with another one' {
    a_shared_line 1
    start_traffic 5
    signal_all stone KILL
    all_broke
    start_shared stone2 1
    works_again
}

@test "one of two sessions' processes is killed: its own connections break, the others live" {
    a_shared_line 2
    start_traffic 6
    kill -9 "$(pgrep -P "$(pid_of stone)" | head -n 1)"
    wait_until 60 sessions_are 2
    wait_until 60 says stone ' session-killed pid=[0-9]+ signal=9$'
    local broken=0 i
    for ((i = 1; i <= traffic; i++)); do
        go_on "point$i"
        if await_end "client$i" 20; then
            says "client$i" '^whole'
        else
            says "client$i" '^error at='
            broken=$((broken + 1))
        fi
    done
    wait_until 60 says_times target "$broken" '^error at='
    says_times target 0 '^(clean end|spoilt)'
    works_again
}

@test 'a connection that the agent had not answered is served by another session' {
    start_target target shout
    start_waiting_agent agent alice "$target"
    start_shared stone 1
    answers_with "$stone_port" before
    first=$(pgrep -P "$(pid_of stone)")
    signal_all agent STOP
    start waiting timeout 60 python3 -SB "$tests/lib/speak.py" "$stone_port" hello
    wait_until 60 has_streams "$first"
    start_waiting_agent agent2 alice "$target"
    signal_all agent KILL
    await_end waiting
    says waiting "got=b'HELLO' ended=clean"
    says agent2 ' taken'
}

# has_streams PID: whether this session has connections: sockets of Unix, and
# more than the relay and the listener.
has_streams() {
    [ "$(find "/proc/$1/fd" -lname 'socket:*' | wc -l)" -gt 3 ]
}

@test 'without an agent a connection is refused by its deadline, and works when one comes' {
    configure 'match_timeout = 1'
    stop relay
    start_relay listen
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 2' "$(to_relay "localhost:$stone_port")"
    wait_until 60 says stone ' refused status=503 reason=No_agent_is_there_for_this_certificate$'
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    says stone ' refused status=503 .* peer=127.0.0.1:'
    start_target target shout
    start_waiting_agent agent alice "$target"
    answers_with "$stone_port" hello
    wait_until 60 sessions_are 2
    answers_with "$stone_port" hello
}

@test 'without a relay a connection is reset, and the sessions open when it is back' {
    stop relay
    start_target target shout
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:$stone_port")"
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    says stone ' not-connected relay=127.0.0.1 port=[0-9]+ reason=.*Connection_refused peer=127.0.0.1:'
    start_relay listen
    start_waiting_agent agent alice "$target"
    wait_until 60 sessions_are 1
    answers_with "$stone_port" hello
}

@test 'an agent that knows nothing of it: each connection gets a session, and none is lost' {
    start_play agent <<'END'
def serve(_):
    while not os.path.exists(f"{SCRATCH}/over"):
        agent = poll("alice")
        try:
            head = head_of_stone(agent)
            assert (b"X-Mux: h2" in head) == (not seen), head
            seen.append(head)
            agent.send(OK)
            echo(agent)
        except TimeoutError:
            agent.close()

seen = []
serve(0)
END
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 2' "$(to_relay "localhost:$stone_port")"
    for _ in 1 2 3; do
        [ "$(speak "$stone_port" hello)" = "got=b'hello' ended=clean" ]
    done
    says_times stone 1 ' not-shared retry_ms=600000$'
    says_times stone 3 ' session in=[0-9]+ out=5 reason=done peer='
    : >"$scratch/over"
    [ "$(speak "$stone_port" last)" = "got=b'last' ended=clean" ]
    ended_well agent
}

@test 'the way to a web server does not share sessions' {
    start_target target web
    printf '%s\n' '-k alice/private.pem' '-c alice/cert.pem' '-a ca.pem' \
        "127.0.0.1:$relay_port" "$target" >agent.conf
    start agent "$scratch/bin/relayagent" -C agent.conf
    wait_until 60 waits agent 2
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:$stone_port")"
    wait_until 60 says stone ' (refused|not-shared) '
    [ "$(fetch alice / | head -n 1)" = '<h1>intra</h1>' ]
}

@test 'an agent that is told to end lets connections run on, and takes no more' {
    a_shared_line 1
    start_traffic 2
    kill -TERM "$(pid_of agent)"
    wait_until 60 says agent ' draining '
    start_waiting_agent agent2 alice "$target"
    works_again
    wait_until 60 says agent2 ' taken'
    running agent
    go_on point1
    go_on point2
    ended_whole client1
    ended_whole client2
    await_end agent
    says agent ' session in=[0-9]+ streams=2 reason=done client=127.0.0.1 seal=[a-z]+$'
}

@test 'an agent that reads another target leads new connections there, and no old one' {
    a_shared_line 1
    start_traffic 1
    start_target target2 shout
    sed -i "\$s/.*/$target/" agent.conf
    kill -HUP "$(pid_of agent)"
    wait_until 60 says agent ' reloaded'
    wait_until 60 answers_with "$stone_port" hello
    go_on point1
    ended_whole client1
}

@test 'relay-stone that is told to end lets connections run on, and listens no more' {
    a_shared_line 2
    start_traffic 2
    kill -TERM "$(pid_of stone)"
    wait_until 60 says stone ' draining sessions=2$'
    wait_until 60 not listening "$stone_port"
    running stone
    go_on point1
    go_on point2
    ended_whole client1
    ended_whole client2
    await_end stone
    says_times stone 2 ' session in=[0-9]+ streams=[0-2] reason=done seal=[a-z]+$'
}

@test 'relay-stone ends at once where its sessions are idle, or not open yet' {
    start_target target whole alice
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:$stone_port")"
    stop stone
    says_times stone 0 session-killed
    start_waiting_agent agent alice "$target"
    start_shared stone2 4
    stop stone2
    says_times stone2 4 ' session in=[0-9]+ streams=0 reason=done seal=[a-z]+$'
}

@test 'a second signal ends the connections too, as an error' {
    a_shared_line 1
    start_traffic 2
    kill -TERM "$(pid_of stone)"
    wait_until 60 says stone ' draining '
    kill -TERM "$(pid_of stone)"
    all_broke
    await_end stone
}

@test 'relay-stone reads its file again: connections live on, new ones go the new way' {
    a_shared_line 1
    start_traffic 1
    start_target target2 shout
    kill -TERM "$(pid_of agent)" # it waits for client1
    start_waiting_agent agent2 alice "$target"
    sed -i 's/^--sessions 1/--sessions 3/' stone.conf
    kill -HUP "$(pid_of stone)"
    wait_until 60 says stone ' reloaded'
    wait_until 60 sessions_are 4
    answers_with "$stone_port" hello
    go_on point1
    ended_whole client1
    wait_until 60 sessions_are 3
    await_end agent
}

# bats test_tags=slow
@test 'a session whose other side has fallen silent is given up, and replaced' {
    start_target target shout
    start_waiting_agent agent alice "$target"
    start_shared stone 1
    answers_with "$stone_port" before
    signal_all agent STOP
    start_waiting_agent agent2 alice "$target"
    wait_until 80 says stone ' session in=.* reason=relay-error error=the_other_side_has_fallen_silent seal=[a-z]+$'
    wait_until 60 says agent2 ' taken'
    answers_with "$stone_port" after
    signal_all agent KILL
}
