#!/usr/bin/env bats
# "relay-stone check": up to the agent and its target, and each failure on the way in
# a sentence of its own.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/checks
load ../lib/clients
load ../lib/customers
load ../lib/stones

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    unset https_proxy HTTPS_PROXY no_proxy NO_PROXY
}

# check [OPTION...]: of stone.conf.
check() {
    timeout 100 bin/relay-stone check "$@" -C stone.conf 3>&-
}

# configured [WORD]: for the service named so.
configured() {
    write_stone_conf stone \
        "127.0.0.1:$relay_port/ssl,http localhost:8080 \"GET / HTTP/1.1${1:+\\r\\nX-Service: $1}\""
}

@test "all is well: up to the target, which sees no byte; the round trip is apart" {
    with_relay
    start_target target whole alice
    start_waiting_agent agent alice "$target" "$steady"
    configured
    run -0 check
    all_well configuration key certificate name tcp tls identity poll clock agent target
    [ "${#lines[@]}" -eq 11 ]
    [[ $output =~ \ agent\ +localhost:8080:\ relayagent/[^\ ]+\ has\ answered\ after\ [0-9.]+\ ms\;\ a\ round\ trip\ takes\ [0-9.]+\ ms ]]
    [[ $output =~ \ target\ +localhost:8080:\ reached\ from\ the\ agent\ in\ [0-9.]+\ ms ]]
    [[ $output == *'ms; the session: it is sealed, and bare'* ]]
    wait_until 60 says agent ' checked client=127\.0\.0\.1$'
    wait_until 60 says broker ' session .* reason=done$'
    # the spare polls are there again
    wait_until 60 waits agent 3
}

@test "it says whether the session is sealed" {
    configure 'bare = no'
    with_relay
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    configured
    run -0 check
    [[ $output == *'ms; the session: it is sealed ('* ]]
    write_stone_conf stone '-q seal=off' "$(to_relay localhost:8080)"
    run -0 check
    [[ $output == *'ms; the session: it is not sealed ('* ]]
    write_stone_conf stone '-q seal=require' "$(to_relay localhost:8080)"
    run -0 check --json
    [[ $(jq -r '.steps[] | select(.step == "agent") | .text' <<<"$output") == *'the session: it is sealed' ]]
}

@test "as the way to a web server the agent answers a check too" {
    with_relay
    start_target target whole alice
    printf '%s\n' "$steady" "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "$target" >agent.conf
    : >agent.log
    start agent bin/relayagent -C agent.conf
    await_start agent waits agent 2
    configured
    run -0 check
    all_well agent target
}

@test "--json tells it to programs, and a relay-stone that runs is not disturbed" {
    a_target() {
        start_target target whole alice
        start_waiting_agent agent alice "$target"
    }
    with_relay
    a_target
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    run -0 check --json
    [ "$(jq -r '.program, .result, .status' <<<"$output" | xargs)" = 'relay-stone ok 0' ]
    [ "$(jq -r '.steps[] | select(.step == "agent") | .of' <<<"$output")" = "localhost:$stone_port" ]
    client session "$stone_port" alice 1000 1000
}

@test "no agent, a target that is not there, and a service that is not" {
    with_relay 'match_timeout = 1'
    configured
    run -75 check
    all_well poll
    told fail agent 'refused: 503 No agent is there for this certificate' 'start the agent with this certificate'
    # and no line of a log beside that
    [[ $output != *relay-stone\[* ]]
    start_waiting_agent agent alice 127.0.0.1:1
    run -69 check
    all_well agent
    told fail target 'the agent does not reach it: 127.0.0.1 port 1: Connection refused' \
        "on the agent's host: relayagent check"
    configured db
    run -69 check
    told fail target 'the agent does not reach it: No such service' "name one of the agent's services"
}

@test "several forwards: what is the same is tried once, and a missing agent is said once" {
    local -a to
    with_relay 'match_timeout = 1'
    to=("127.0.0.1:$relay_port/ssl,http")
    write_stone_conf stone "${to[0]} localhost:8080 \"GET / HTTP/1.1\" --" \
        "${to[0]} localhost:8081 \"GET / HTTP/1.1\\r\\nX-Service: db\" --" \
        "-q key=$scratch/bob/private.pem -q cert=$scratch/bob/cert.pem" \
        "${to[0]} localhost:8082 \"GET / HTTP/1.1\" --"
    run -75 check
    [ "$(grep -c '^ok    poll ' <<<"$output")" -eq 2 ]
    [ "$(grep -c '^fail  agent ' <<<"$output")" -eq 2 ]
    start_waiting_agent agent alice 127.0.0.1:1 "db=127.0.0.1:$relay_port"
    start_waiting_agent agent-bob bob "127.0.0.1:$relay_port"
    run -69 check
    [ "$(grep -c '^ok .* poll ' <<<"$output")" -eq 2 ]
    told fail target 'localhost:8080: the agent does not reach it' "on the agent's host"
    [[ $output == *' target '*'localhost:8081: reached '*' target '*'localhost:8082: reached '* ]]
}

@test "the customer's limits are told" {
    no_customers
    customer alice 'type = 2'
    with_relay
    start_waiting_agent agent alice "127.0.0.1:$relay_port"
    configured
    run -77 check
    told fail agent "refused: 403 This customer's type does not include this" "ask the relay's owner"
}

@test "an agent that knows no checks is one that answers: with its target, without it, a web server's" {
    with_relay
    configured
    start_play agents <<'END'
for answer in OK, b"HTTP/1.1 502 No\r\nX-Reason: Target unreachable: gone\r\n\r\n", \
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n":
    agent = poll("alice")
    assert b"X-Check: 1\r\n" in head_of_stone(agent)
    agent.send(answer)
    agent.close()
END
    wait_until 60 says relay ' agent-waits '
    run -0 check
    [[ $output == *': an agent that knows no checks has answered after '* ]]
    [[ $output == *' target '*': has answered: 200 OK '* ]]
    wait_until 60 says_times relay 2 ' agent-waits '
    run -69 check
    all_well agent
    told fail target 'refused by the agent: 502 Target unreachable: gone' "on the agent's host"
    wait_until 60 says_times relay 3 ' agent-waits '
    run -0 check
    [[ $output == *' target '*': has answered: 400 Bad Request '* ]]
    ended_well agents
}

@test "a wrong file is told by its part, and what listens in the relay's place by what it is" {
    configured
    chmod 644 alice/private.pem
    run -78 check
    told fail key 'a key that others can read or write (mode 0644)' 'mode 600'
    all_well configuration
    chmod 600 alice/private.pem
    sed -i 's,CAfile=.*,CAfile=missing.pem,' stone.conf
    run -78 check
    told fail certificate 'missing.pem: No such file or directory' 'his ca.pem'
    echo 'nonsense' >stone.conf
    run -78 check
    told fail configuration 'stone.conf:1: ' 'mend what the line says'
    : >stone.conf
    run -78 check
    told fail configuration 'stone.conf: no forward in it' 'mend what the line says'
    start_false_relay false 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
    relay_port=$false_port
    configured
    run -76 check
    told fail poll 'what answers is a web server, not a relay' 'host and port'
    stop false || :
    run -69 check
    told fail tcp "127.0.0.1 port $false_port: IPv4 127.0.0.1 Connection refused" 'nothing listens there'
}

@test "a check by hand: the lines of the protocol, and what the agent does not take" {
    with_relay
    start_waiting_agent agent alice "127.0.0.1:$relay_port"
    play <<'END'
client = stone("alice", b"GET / HTTP/1.1\r\nX-Check: 1\r\n\r\nping\r\n")
assert client.head().startswith(b"HTTP/1.1 200 OK\r\nX-Check: 1 relayagent/")
assert client.read(6) == b"pong\r\n"
client.send(b"ping\nother\n")
assert client.read(21) == b"pong\r\n400 0 Unknown\r\n"
client.send(b"target\r\n")
client.finish()
answer = client.rest()
assert re.fullmatch(rb"200 \d+ reached\r\n", answer), answer
client = stone("alice", b"GET / HTTP/1.1\r\nX-Check: 1\r\n\r\n")
client.head()
client.send(b"x" * 100)
assert client.end() != "clean"
END
}

@test "--json is for check and status alone" {
    configured
    run -64 bin/relay-stone --json -C stone.conf
    [[ $output == 'relay-stone: --json is for check and status'* ]]
    echo --json >stone.conf
    run -78 bin/relay-stone -t -C stone.conf
    [[ $output == 'relay-stone: stone.conf:1: not served: --json'* ]]
}
