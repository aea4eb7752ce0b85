#!/usr/bin/env bats
# Three hosts, each a network namespace, where nft drops packets: all of them,
# without a FIN, or some at random.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/lan
load ../lib/faults

relay_address=10.78.0.1

setup_file() {
    make_pki alice
    "$built/relay-ca" -d "$pki" server "$relay_address" >/dev/null
}

setup() {
    is_root || skip 'needs root, for network namespaces'
    command -v nft >/dev/null || skip 'needs nft'
    prepare
    make_lan
    host relay "$relay_address"
    host remote 10.78.0.2
    host local 10.78.0.3
    sed -i "s/^listen.*/listen = $relay_address:$relay_port/" relay.conf
    cp "$pki/server/$relay_address"/*.pem .
    give ./*.pem
    start_broker
    spawner=listen
    start relay on relay bin/relay-listen -c relay.conf
    wait_until 60 says relay ' start '
    a_line_across
}

teardown() {
    local rc=0
    end_all || rc=1
    end_lan
    return "$rc"
}

# a_line_across: alice's target and agent on the remote host, her relay-stone on
# the local one.
a_line_across() {
    start target on remote python3 -SB "$tests/lib/traffic.py" target whole 7000 alice
    wait_until 60 listening_on remote 7000
    printf '%s\n' -n "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "$relay_address:$relay_port" 127.0.0.1:7000 >agent.conf
    start agent on remote bin/relayagent -C agent.conf
    wait_until 60 waits agent 2
    write_stone_conf stone '--sessions 0' \
        "$relay_address:$relay_port/ssl,http localhost:8000 \"GET / HTTP/1.1\" --"
    start stone on local bin/relay-stone -C stone.conf
    wait_until 60 listening_on local 8000
}

# listening_on HOST PORT
listening_on() {
    nsenter --net="/run/netns/$lan.$1" ss -ltnH "sport = :$2" | grep -q .
}

# drops HOST WHAT...: that host drops, either way, what matches.
drops() {
    local name=$1
    shift
    nsenter --net="/run/netns/$lan.$name" nft -f - <<RULES
table ip fault {
    chain in { type filter hook input priority 0; $* drop; }
    chain out { type filter hook output priority 0; $* drop; }
}
RULES
}

drops_no_more() {
    nsenter --net="/run/netns/$lan.$1" nft delete table ip fault
}

# local_client NAME KIND [ARGUMENT...]: of traffic.py, on the local host.
local_client() {
    local name=$1 kind=$2
    shift 2
    : >"$name.log"
    start "$name" on local python3 -SB "$tests/lib/traffic.py" client "$kind" 8000 "$@"
}

# remote_handlers: of the agent's polls and sessions, as long as they are there.
remote_handlers() {
    sed -n "s/^.*relay-listen\[\([0-9]*\)\]: .*peer=10\.78\.0\.2:.*/\1/p" relay.log | sort -u |
        while read -r pid; do
            ! kill -0 "$pid" 2>/dev/null || echo "$pid"
        done
}

remote_handlers_are_gone() {
    [ -z "$(remote_handlers)" ]
}

# bats test_tags=slow
@test "sessions over a link that drops everything are errors to all, and reaped within 90 seconds" {
    local count=$((rounds > 2 ? 20 : 4)) i
    for ((i = 1; i <= count; i++)); do
        local_client "client$i" session alice "point$i"
    done
    for ((i = 1; i <= count; i++)); do
        await_point "client$i" "point$i"
    done
    drops remote meta iifname eth0
    drops relay ip saddr 10.78.0.2
    local begin=$SECONDS
    wait_until 95 remote_handlers_are_gone
    note "$count sessions and all polls reaped $((SECONDS - begin)) s after the cut"
    [ $((SECONDS - begin)) -le 90 ]
    for ((i = 1; i <= count; i++)); do
        run await_end "client$i"
        [ "$status" -ne 0 ]
        says "client$i" '^error '
    done
    # the agent's side finds out as well
    wait_until 60 says_times target "$count" '^error '
    not says target '^(clean end|whole|spoilt)'
    drops_no_more remote
    drops_no_more relay
    local_client after session alice 100000 100000
    ended_whole after
}

# stormy PERCENT SECONDS: sessions while so many of the packets get lost.
stormy() {
    rm -f storm.*
    drops relay numgen random mod 100 "<" "$1"
    start storm on local python3 -SB "$tests/lib/storm.py" "$scratch/storm.stop" "$at_once" alice=8000
    sleep "$2"
    : >storm.stop
    await_end storm 80 || {
        grep -v '^whole' storm.log | tail
        return 1
    }
    note "$1 % of packets lost each way: $(tail -n 1 storm.log)"
    says storm '^storm .* broken=0 wrong=0$'
    drops_no_more relay
}

# bats test_tags=slow
@test "packets that get lost at random break no session" {
    local seconds=$((rounds > 2 ? 60 : 8))
    stormy 1 "$seconds"
    stormy 3 "$seconds"
    stormy 5 "$seconds"
    not says target '^(clean end|spoilt|error)'
}
