#!/usr/bin/env bats
# Many connections over one session, of relay-stone and relayagent.
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

@test 'connections share a session, which is there before them' {
    start_target target shout
    start_waiting_agent agent alice "$target"
    start_shared stone 1
    for _ in {1..20}; do
        answers_with "$stone_port" hello
    done
    sessions_are 1
    says_times agent 1 ' taken'
}

@test 'many connections with checksums and half-closes in any order, over 4 sessions' {
    local count
    count=$(often 10000)
    start_streams target
    start_waiting_agent agent alice "$target"
    start_shared stone 4
    timeout 500 python3 -SB "$tests/lib/streams.py" client "$stone_port" "$count" 64 3>&-
    wait_until 60 says_times target "$count" '^whole'
    says_times target 0 '^(spoilt|error)'
    sessions_are 4
    says_times agent 4 ' taken'
}

@test 'large transfers both ways at once, with checksums' {
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    start_shared stone 2
    for i in {1..6}; do
        start_client "client$i" session "$stone_port" alice $((i * 7000000)) $((40000000 - i * 5000000))
    done
    for i in {1..6}; do
        ended_whole "client$i"
    done
}

@test 'a client that reads nothing holds up none of 50 others' {
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    start_shared stone 1
    start_client stopped session "$stone_port" alice "$scratch/point" # endless, both ways
    await_point stopped point
    kill -STOP "$(pid_of stopped)"
    client sessions "$stone_port" alice 50 50
    # and it has not lost a byte
    kill -CONT "$(pid_of stopped)"
    go_on point
    ended_whole stopped
    sessions_are 1
}

@test 'a target that reads nothing holds up no other' {
    start_target slow whole alice
    slow=$target
    start_target target whole alice
    start_waiting_agent agent alice "$target" "slow=$slow"
    plain_port=$(free_port)
    slow_port=$(free_port)
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:$plain_port")" \
        "127.0.0.1:$relay_port/ssl,http localhost:$slow_port \"GET / HTTP/1.1\\r\\nX-Service: slow\" --"
    wait_until 60 sessions_are 2
    start_client stopped session "$slow_port" alice "$scratch/point"
    await_point stopped point
    kill -STOP "$(pid_of slow)"
    client sessions "$plain_port" alice 20 20
    kill -CONT "$(pid_of slow)"
    go_on point
    ended_whole stopped
}

@test 'the service is that of the request; one that there is not is a reset' {
    start_target other resets 300
    other=$target
    start_target target shout
    start_waiting_agent agent alice "$target" "db=$other"
    ports=("$(free_port)" "$(free_port)" "$(free_port)")
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:${ports[0]}")" \
        "127.0.0.1:$relay_port/ssl,http localhost:${ports[1]} \"GET / HTTP/1.1\\r\\nX-Service: DB\" --" \
        "127.0.0.1:$relay_port/ssl,http localhost:${ports[2]} \"GET / HTTP/1.1\\r\\nX-Service: none\" --"
    wait_until 60 sessions_are 3
    answers_with "${ports[0]}" plain
    [[ $(speak --open 9999 "${ports[1]}" '') == "got=b'HTTP/1.1 200 OK"*"ended=reset" ]]
    [ "$(speak "${ports[2]}" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says agent ' no-such-service service=none client=127.0.0.1$'
    wait_until 60 says stone ' refused status=404 reason=No_such_service peer=127.0.0.1:[0-9]+$'
    says_times agent 3 ' taken'
}

# bats test_tags=slow
@test 'a target that cannot be reached is a reset, and one that hangs delays no other' {
    start_target full full
    full=$target
    start_target target shout
    start_waiting_agent agent alice "127.0.0.1:$(free_port)" "full=$full" "shout=$target"
    ports=("$(free_port)" "$(free_port)" "$(free_port)")
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:${ports[0]}")" \
        "127.0.0.1:$relay_port/ssl,http localhost:${ports[1]} \"GET / HTTP/1.1\\r\\nX-Service: full\" --" \
        "127.0.0.1:$relay_port/ssl,http localhost:${ports[2]} \"GET / HTTP/1.1\\r\\nX-Service: shout\" --"
    wait_until 60 sessions_are 3
    start hanging timeout 60 python3 -SB "$tests/lib/speak.py" "${ports[1]}" hello
    [ "$(speak "${ports[0]}" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone ' refused status=502 reason=Target_unreachable:_.*Connection_refused peer='
    says agent ' target-unreachable target=.* reason=.*Connection_refused$'
    answers_with "${ports[2]}" meanwhile
    running hanging
    await_end hanging
    says hanging "got=b'' ended=reset"
    says agent ' target-unreachable target=.* service=full reason=.*timed_out$'
}

@test 'targets by name: IPv6, IPv4 and Unix sockets' {
    start_target target shout
    start unix socat UNIX-LISTEN:"$scratch/target.sock",fork SYSTEM:'tr a-z A-Z'
    wait_until 60 [ -S "$scratch/target.sock" ]
    start_waiting_agent agent alice "localhost:${target##*:}" "unix=unix:$scratch/target.sock" \
        "unknown=name.invalid:80"
    ports=("$(free_port)" "$(free_port)" "$(free_port)")
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:${ports[0]}")" \
        "127.0.0.1:$relay_port/ssl,http localhost:${ports[1]} \"GET / HTTP/1.1\\r\\nX-Service: unix\" --" \
        "127.0.0.1:$relay_port/ssl,http localhost:${ports[2]} \"GET / HTTP/1.1\\r\\nX-Service: unknown\" --"
    wait_until 60 sessions_are 3
    answers_with "${ports[0]}" named
    answers_with "${ports[0]}" again
    answers_with "${ports[1]}" path
    [ "$(speak "${ports[2]}" hello)" = "got=b'' ended=reset" ]
    says agent ' target-unreachable target=name.invalid:80 service=unknown reason=name.invalid:_'
    answers_with "${ports[0]}" still
}

@test 'a reset goes through both ways, and is none of the other connections' {
    start_target target resets 100000
    start_waiting_agent agent alice "$target"
    start_shared stone 1
    [[ $(speak --open 999999 "$stone_port" '') == *"ended=reset" ]]
    stop target || :
    start target2 python3 -SB "$tests/lib/traffic.py" target shout "${target##*:}"
    wait_until 60 listening "${target##*:}"
    speak --reset 5 "$stone_port" hello
    wait_until 60 says target2 '^error'
    says_times target2 0 'clean end'
    sessions_are 1
    answers_with "$stone_port" hello
}

@test 'allowed hosts, Unix sockets and the PROXY protocol work as without' {
    start_target target shout
    start_waiting_agent agent alice "$target" --proxy-protocol
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 1' "$(to_relay "0.0.0.0:$stone_port" 127.0.0.7)" \
        "$(to_relay "$scratch/stone.sock")"
    wait_until 60 sessions_are 2
    [ "$(speak --from 127.0.0.9 "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone ' denied peer=127.0.0.9:'
    [[ $(speak --from 127.0.0.7 "$stone_port" hello) == "got=b'\\r\\n\\r\\n\\x00\\r\\nQUIT\\n!\\x11\\x00\\x0c"*"HELLO' ended=clean" ]]
    [[ $(speak "$scratch/stone.sock" hello) == *"HELLO' ended=clean" ]]
}

@test 'an idle connection costs either side less than 4 KiB of memory' {
    needs_plain 'memory is not as it is'
    start_streams target echo
    start_waiting_agent agent alice "$target" '--max-streams 2000'
    start_shared stone 1
    [ "$(speak "$stone_port" warm)" = "got=b'warm' ended=clean" ]
    agent=$(memory_of_session agent)
    stone=$(memory_of_session stone)
    start_holding holder 1500
    agent=$(($(memory_of_session agent) - agent))
    stone=$(($(memory_of_session stone) - stone))
    end_holding holder
    echo "for 1500 connections: $agent KiB of the agent, $stone KiB of relay-stone"
    [ "$agent" -lt $((1500 * 4)) ]
    [ "$stone" -lt $((1500 * 4)) ]
}

# memory_of_session NAME: what the largest process below NAME, which is that of
# the session, has for itself, in KiB.
memory_of_session() {
    local pid
    for pid in $(pgrep -P "$(pid_of "$1")"); do
        awk '/^Private_(Clean|Dirty):/ { sum += $2 } END { print sum }' "/proc/$pid/smaps_rollup"
    done | sort -n | tail -n 1
}

@test 'beyond --max-streams connections wait, and get through when one ends' {
    start_streams target echo
    start_waiting_agent agent alice "$target" '--max-streams 3'
    start_shared stone 1
    start_holding holder 3
    start fourth timeout 60 python3 -SB "$tests/lib/speak.py" "$stone_port" fourth
    a_moment
    running fourth
    says_times fourth 0 got
    end_holding holder
    await_end fourth
    says fourth "got=b'fourth' ended=clean"
}

@test 'the customer is charged for sessions, not for connections' {
    printf '[alice]\ncertificate = sha256:%s\nnusers = 2\n' \
        "$(openssl x509 -in alice/cert.pem -outform DER | sha256sum | cut -d ' ' -f 1)" >customers
    give customers
    configure 'customers = customers'
    stop relay
    stop broker
    : >broker.log
    start_broker
    start_relay listen
    start_streams target echo
    start_waiting_agent agent alice "$target"
    start_shared stone 2
    start_holding holder 40
    sessions_are 2
    end_holding holder
    says_times relay 0 ' refused '
}

@test 'what --sessions cannot do is said at the start' {
    write_stone_conf stone '--sessions 1' "localhost:443/ssl,http 1234 \"GET / HTTP/1.1\\\\r\\\\nX-Who: \\\\a\""
    run -78 "$scratch/bin/relay-stone" -t -C stone.conf
    [[ $output == *'--sessions: the request has \a, and its sessions are of no one client' ]]
    write_stone_conf stone '--sessions 17' "$(to_relay 1234)"
    run -78 "$scratch/bin/relay-stone" -t -C stone.conf
    [[ $output == *'stone.conf:4: not 0 to 16: --sessions 17' ]]
    write_stone_conf stone '--sessions'
    run -78 "$scratch/bin/relay-stone" -t -C stone.conf
    [[ $output == *'stone.conf:4: no value behind --sessions' ]]
    write_stone_conf stone '--sessions 1' "$(to_relay 1234)"
    run -0 "$scratch/bin/relay-stone" -t -C stone.conf
    run -78 "$scratch/bin/relay-stone" --inetd -t -C stone.conf
    [[ $output == *'--inetd: --sessions is for a relay-stone that listens' ]]
}

@test '--max-streams is a number, on the command line and in the file' {
    for word in 0 16385 many 1x -1; do
        run -78 "$scratch/bin/relayagent" -t -n --max-streams "$word" -k alice/private.pem \
            -c alice/cert.pem -a ca.pem localhost:443 localhost:1
        [[ $output == *"--max-streams $word: not 1 to 16384" ]]
    done
    printf '%s\n' -n '-k alice/private.pem' '-c alice/cert.pem' '-a ca.pem' \
        '--max-streams 10' localhost:443 localhost:1 >agent.conf
    run -0 "$scratch/bin/relayagent" -t -C agent.conf
    printf '%s\n' '--max-streams ten' >>agent.conf
    run -78 "$scratch/bin/relayagent" -t -C agent.conf
    [[ $output == *'agent.conf:8: --max-streams ten: not 1 to 16384' ]]
}
