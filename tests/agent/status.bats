#!/usr/bin/env bats
# "relayagent status": what one that runs says of itself.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/status

setup_file() {
    make_pki alice
}

setup() {
    prepare
    asks relayagent agent.conf
}

@test "status tells of polls, sessions, and when certificate and customer end" {
    no_customers
    customer alice 'expire = 2030-01-02'
    with_relay
    start_line alice "$steady"
    cp agent-alice.conf agent.conf
    mv agent-alice.status agent.status
    [ "$(stat -c %a agent.status)" = 600 ]
    run -0 ask status
    [ "${#lines[@]}" -eq 4 ]
    [[ ${lines[0]} =~ ^relayagent\ [0-9.]+,\ pid\ [0-9]+,\ since\ 20[0-9T:-]+Z$ ]]
    [[ ${lines[1]} =~ ^sessions:\ 0\;\ the\ certificate\ ends:\ 20[0-9T:-]+Z$ ]]
    [ "${lines[2]}" = "relay 127.0.0.1:$relay_port: 2 of 2 polls wait (0 parked), 0 sessions, 0 clients so far" ]
    [[ ${lines[3]} == "    well since 20"*"; the customer's time ends: 2030-01-02T23:59:59Z" ]]
    [ "$(answer .pid)" -eq "$(pid_of agent-alice)" ]
    exec {held}<>"/dev/tcp/127.0.0.1/$stone_port"
    wait_until 60 is '.relays[0] | "\(.sessions) \(.arrivals) \(.waiting)"' '1 1 2'
    [ "$(answer .sessions)" -eq 1 ]
    exec {held}>&-
    wait_until 60 is '.relays[0].sessions' 0
    [ "$(answer '.relays[0].arrivals')" -eq 1 ]
}

@test "a relay that is away: since when, why, and when it is tried again; and after that" {
    start_agent agent alice 127.0.0.1:1
    wait_until 60 says agent ' not-connected '
    [ "$(answer '.relays[0].error')" = "127.0.0.1 port $relay_port: Connection refused" ]
    run -0 ask status
    [[ ${lines[2]} == "relay 127.0.0.1:$relay_port: 0 of 2 polls wait (0 parked), "* ]]
    [[ ${lines[3]} =~ ^\ \ \ \ fails\ since\ 20[0-9T:-]+Z:\ 127.0.0.1\ port\ [0-9]+:\ Connection\ refused\;\ next\ try\ in\ [0-9]+\ s$ ]]
    [ "$(answer '.relays[0].customer_until')" = null ]
    local since
    since=$(answer '.relays[0].since')
    wait_until 60 says_at_least agent 2 ' not-connected '
    [ "$(answer '.relays[0].since')" = "$since" ]
    with_relay
    wait_until 60 says agent ' waiting '
    wait_until 60 is '.relays[0] | "\(.error) \(.next_try)"' 'null null'
    run -0 ask status
    [[ ${lines[4]} =~ ^\ \ \ \ last\ error\ at\ 20[0-9T:-]+Z:\ 127.0.0.1\ port ]]
}

@test "a reload keeps count of the sessions, and the certificate's end is the new one's" {
    with_relay
    start_line alice
    cp agent-alice.conf agent.conf
    mv agent-alice.status agent.status
    exec {held}<>"/dev/tcp/127.0.0.1/$stone_port"
    wait_until 60 is '.relays[0].sessions' 1
    kill -HUP "$(pid_of agent-alice)"
    wait_until 60 says agent-alice ' reloaded'
    wait_until 60 is '.relays[0] | "\(.sessions) \(.waiting)"' '1 2'
    exec {held}>&-
    wait_until 60 is '.sessions' 0
}

@test "in RUNTIME_DIRECTORY, where there is one; and nowhere without a file" {
    mkdir run
    RUNTIME_DIRECTORY=$scratch/run:/other start_agent agent alice 127.0.0.1:1
    wait_until 60 [ -S run/agent.status ]
    [ ! -e agent.status ]
    run -69 ask status
    [[ $output == "relayagent: no relayagent runs with this configuration, or it is not yours to ask: agent.status: No such file or directory" ]]
    export RUNTIME_DIRECTORY=$scratch/run
    run -0 ask status
    stop agent
    run -69 ask status
    [[ $output == *"/run/agent.status: Connection refused" ]]
    unset RUNTIME_DIRECTORY
    run -69 bin/relayagent status -n 127.0.0.1:1 127.0.0.1:1
    [[ $output == *'name the configuration file (-C)' ]]
    start bare bin/relayagent -n -k alice/private.pem -c alice/cert.pem -a ca.pem \
        "127.0.0.1:$relay_port" 127.0.0.1:1
    wait_until 60 says bare ' start '
    not says bare ' no-status '
}

@test "another one with the same file leaves the socket alone; one that was killed leaves it behind" {
    start_agent agent alice 127.0.0.1:1
    wait_until 60 is .pid "$(pid_of agent)"
    start second bin/relayagent -C agent.conf
    wait_until 60 says second ' no-status error=agent.status:_Address_already_in_use$'
    stop second
    is .pid "$(pid_of agent)"
    stop agent KILL || :
    [ -S agent.status ]
    start agent bin/relayagent -C agent.conf
    wait_until 60 is .pid "$(pid_of agent)"
}

@test "who connects and says nothing, or goes, holds nobody up" {
    start_agent agent alice 127.0.0.1:1
    wait_until 60 is .pid "$(pid_of agent)"
    start mute socat -u "UNIX-CONNECT:$scratch/agent.status" "EXEC:cat,pipes"
    python3 -SB - "$scratch/agent.status" <<'END'
import socket, sys
for _ in range(100):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(sys.argv[1])
END
    is .pid "$(pid_of agent)"
    await_end mute
}

@test "nobody but its user and root may ask" {
    is_root || skip 'needs root'
    start_agent agent alice 127.0.0.1:1
    wait_until 60 [ -S agent.status ]
    run -69 setpriv --reuid=12345 --clear-groups bin/relayagent status -C "$scratch/agent.conf"
    [[ $output == *'or it is not yours to ask: '*'/agent.status: Permission denied' ]]
}
