#!/usr/bin/env bats
# What relay-stone shares sessions for where nobody said how many.
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

# a_stone: named stone, on $stone_port, that is not told how many.
a_stone() {
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
}

# forward_says FILTER TEXT: jq's FILTER of the status of stone's first forward.
forward_says() {
    [ "$(timeout 60 bin/relay-stone status --json -C stone.conf | jq -r ".forwards[0] | $1")" = "$2" ]
}

# restart_with LINE...: broker and relay anew, with these lines in relay.conf.
restart_with() {
    configure "$@"
    stop relay
    stop broker
    : >broker.log
    start_broker
    start_relay listen
}

@test 'none until a connection comes, then one for all' {
    start_target target shout
    start_waiting_agent agent alice "$target"
    a_stone
    wait_until 60 forward_says '"\(.shared) \(.shared_wanted)"' '0 0'
    says_times agent 0 ' taken'
    for _ in {1..20}; do
        answers_with "$stone_port" hello
    done
    sessions_are 1
    says_times agent 1 ' taken'
    wait_until 60 forward_says '"\(.shared) \(.shared_wanted) \(.sessions) \(.connections)"' '1 1 0 20'
    stop stone
    says stone ' session in=[0-9]+ streams=20 reason=done seal=bare$'
}

@test 'further ones while all are busy, and no more than four' {
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    a_stone
    for i in {1..8}; do
        start_client "client$i" session "$stone_port" alice "$scratch/point$i" # endless, both ways
        await_point "client$i" "point$i"
    done
    wait_until 60 sessions_are_at_least 2
    # new connections are for who is not busy
    wait_until 60 client session "$stone_port" alice 100000 100000
    [ "$(status_of sessions)" -le 4 ]
    for i in {1..8}; do
        go_on "point$i"
        ended_whole "client$i"
    done
    stop stone
    says_times stone 0 ' reason=relay-error'
}

# sessions_are_at_least COUNT
sessions_are_at_least() {
    [ "$(status_of sessions)" -ge "$1" ]
}

@test 'what the agent allows no room for has sessions of its own, at once' {
    start_streams target echo
    start_waiting_agent agent alice "$target" '--max-streams 2'
    a_stone
    start_holding holder 20
    [ "$(speak "$stone_port" another)" = "got=b'another' ended=clean" ]
    end_holding holder
    wait_until 60 says stone ' session in=[0-9]+ out=[0-9]+ reason=done peer='
    stop stone
    says_times stone 0 ' reason=(relay|client)-error'
}

@test 'a customer with one user has them all in one session, however busy' {
    printf '[alice]\ncertificate = sha256:%s\nnusers = 1\n' \
        "$(openssl x509 -in alice/cert.pem -outform DER | sha256sum | cut -d ' ' -f 1)" >customers
    give customers
    restart_with 'customers = customers'
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    a_stone
    for i in 1 2 3; do
        start_client "client$i" session "$stone_port" alice "$scratch/point$i"
        await_point "client$i" "point$i"
    done
    wait_until 60 says relay ' refused .*status=429'
    wait_until 60 client session "$stone_port" alice 100000 100000
    sessions_are 1
    forward_says .last_error null # of the forward there is none
    for i in 1 2 3; do
        go_on "point$i"
        ended_whole "client$i"
    done
}

@test 'an agent that knows nothing of them notices nothing' {
    start_play agent <<'END'
for i in range(3):
    agent = poll("alice")
    head = head_of_stone(agent)
    assert (b"X-Mux: h2" in head) == (i == 0), head
    agent.send(OK + b"first words ")
    echo(agent)
END
    a_stone
    for _ in 1 2 3; do
        [ "$(speak "$stone_port" hello)" = "got=b'first words hello' ended=clean" ]
    done
    ended_well agent
    says_times stone 1 ' not-shared retry_ms=600000$'
    says_times stone 3 ' session in=[0-9]+ out=5 reason=done peer='
    says_times stone 0 ' (refused|not-connected) '
    wait_until 60 forward_says .connections 3
}

@test 'nor does the way to a web server' {
    start_target target web
    printf '%s\n' '-k alice/private.pem' '-c alice/cert.pem' '-a ca.pem' \
        "127.0.0.1:$relay_port" "$target" >agent.conf
    start agent "$scratch/bin/relayagent" -C agent.conf
    wait_until 60 waits agent 2
    a_stone
    speak "$stone_port" '' # it does not like "GET /" without more
    wait_until 60 says stone ' not-shared '
    says_times stone 0 ' refused status=[0-9]+ reason=[^ ]+$'
    # and where the request is to one nobody asks
    stop stone
    start_relay_stone stone \
        "127.0.0.1:$relay_port/ssl,http localhost:$stone_port \"GET / HTTP/1.1\\r\\nHost: intra\" --"
    [[ $(speak "$stone_port" '') == *intra* ]]
    says_times stone 0 ' not-shared '
    forward_says .shared_wanted 0
}

@test 'without an agent a connection hears of it, and with one it works at once' {
    restart_with 'match_timeout = 1'
    a_stone
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    says stone ' refused status=503 .* peer=127.0.0.1:'
    start_target target shout
    start_waiting_agent agent alice "$target"
    answers_with "$stone_port" hello
    wait_until 60 sessions_are 1
}

@test 'asleep it reads its file again, and ends' {
    start_target target shout
    start_waiting_agent agent alice "$target"
    a_stone
    kill -HUP "$(pid_of stone)"
    wait_until 60 says stone ' reloaded'
    answers_with "$stone_port" hello
    sessions_are 1
    kill -HUP "$(pid_of stone)"
    wait_until 60 says_times stone 2 ' reloaded'
    wait_until 60 sessions_are 0
    answers_with "$stone_port" again
    kill -HUP "$(pid_of stone)"
    wait_until 60 says_times stone 3 ' reloaded'
    stop stone
}

@test 'when they open and end: by the rules' {
    [ -x "$tests/../build/tests/elastic" ] || skip 'make test-programs'
    "$tests/../build/tests/elastic"
}
