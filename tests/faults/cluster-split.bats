#!/usr/bin/env bats
# Three relays and two stores, each on a host of its own, and networks between them
# that are cut, in a storm of sessions with checksums. See faults/cluster.bats.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/cluster
load ../lib/faults
load ../lib/lan

# How often each is tried: once in the suite, 10 in "make faults".
rounds=${CLUSTER_ROUNDS:-1}

declare -gA address_of=([tokyo]=10.77.0.1 [osaka]=10.77.0.2 [kyoto]=10.77.0.3 [east]=10.77.0.4 [west]=10.77.0.5)

setup_file() {
    make_pki alice bob
    make_nodes tokyo osaka kyoto
}

setup() {
    local name
    is_root || skip 'needs root, for network namespaces'
    prepare
    make_lan
    configure 'match_timeout = 60'
    make_relays tokyo osaka kyoto
    for name in "${!address_of[@]}"; do
        host "$name" "${address_of[$name]}"
    done
    start_stores
    for name in "${relays[@]}"; do
        spread "$name"
        here=$name start_relays "$name"
    done
    for name in "${relays[@]}"; do
        wait_until 60 store_is_up "$name"
    done
}

teardown() {
    local rc=0
    end_all || rc=1
    end_lan
    return "$rc"
}

# start NAME COMMAND...: as that of helpers, on the host $here.
start() {
    local name=$1
    shift
    on "$here" "$@" >>"$scratch/$name.log" 2>&1 </dev/null 3>&- &
    echo $! >"$scratch/$name.pid"
    started+=("$name")
}

# listening PORT: there, too.
listening() {
    local place
    printf -v place ':%04X [0-9A-F]+:0000 0A' "$1"
    [[ $(at_host "$here" cat /proc/net/tcp) =~ $place ]]
}

# at_host HOST COMMAND...
at_host() {
    (on "$@") 3>&-
}

# start_stores: east's is the master, of which west has a replica.
start_stores() {
    local name
    take_port
    store_port=$port
    for name in east west; do
        local words=()
        [ "$name" = east ] || words=(--replicaof "${address_of[east]}" "$store_port")
        here=$name start "store-$name" redis-server --port "$store_port" --bind "${address_of[$name]}" \
            --save '' --appendonly no --dir "$scratch" --protected-mode no "${words[@]}"
    done
    wait_until 60 is_role west slave
    wait_until 60 is_role east master
}

# store_at HOST WORD...
store_at() {
    local name=$1
    shift
    at_host "$name" redis-cli -h "${address_of[$name]}" -p "$store_port" "$@" 2>/dev/null
}

# is_role HOST ROLE: one that is a replica has all.
is_role() {
    local role
    role=$(store_at "$1" role | xargs)
    [[ $role == "$2"* && ($2 == master || $role == *' connected '*) ]]
}

# spread NAME: this relay finds others, and both stores, on the lan.
spread() {
    local other
    with_presence "$1"
    sed -i "s/^peer_listen = 127.0.0.1/peer_listen = ${address_of[$1]}/" "$1/relay.conf"
    for other in "${relays[@]}"; do
        sed -i "s/^peer = $other 127.0.0.1/peer = $other ${address_of[$other]}/" "$1/relay.conf"
    done
    sed -i "s/^presence = .*/presence = ${address_of[east]}:$store_port\npresence = ${address_of[west]}:$store_port/" \
        "$1/relay.conf"
}

# agent_on RELAY NAME: one of alice's, with a target of its own.
agent_on() {
    local here=$1
    start_target "target-$2" whole alice
    at_relay "$1" start_waiting_agent "$2" alice "$target"
}

# line_of_bob: all of it is at tokyo.
line_of_bob() {
    local here=tokyo
    at_relay tokyo storm_agent bob
    at_relay tokyo storm_stone bob
}

# start_storm_at_tokyo: alice's stone and bob's are there.
start_storm_at_tokyo() {
    local here=tokyo
    line_of_bob
    at_relay tokyo storm_stone alice
    begin_storm alice bob
}

# goes_on: twenty sessions more are whole.
goes_on() {
    count_lines storm '^whole'
    wait_until 60 storm_has_passed $((counted + 20))
}

# ends_whole: the storm, in which no session was lost.
ends_whole() {
    : >"$scratch/storm.stop"
    await_end storm 80 || {
        grep -v '^whole' storm.log | tail -n 20
        return 1
    }
    note "$(tail -n 1 storm.log)"
    not says storm '^broken'
    not says target-bob '^(clean end|spoilt)'
    not says target-osaka '^(clean end|spoilt)'
}

# separate HOST OTHER: neither hears the other any more.
separate() {
    at_host "$1" nft -f - <<RULES
table ip cut {
    chain in { type filter hook input priority 0; ip saddr ${address_of[$2]} drop; }
    chain out { type filter hook output priority 0; ip daddr ${address_of[$2]} drop; }
}
RULES
}

rejoin() {
    at_host "$1" nft delete table ip cut
}

# crossed_to NAME: how many sessions came there.
crossed_to() {
    node_status "$1" crossing_in_total
}

# bats test_tags=slow
@test "two relays cannot reach each other, but the store: the next one is taken, or the 503 names it" {
    local i before
    agent_on osaka osaka
    agent_on kyoto kyoto
    start_storm_at_tokyo
    for ((i = 0; i < rounds; i++)); do
        a_random_moment
        separate tokyo osaka
        before=$(crossed_to kyoto)
        goes_on
        wait_until 60 more_crossed_to kyoto "$before"
        rejoin tokyo
        before=$(crossed_to osaka)
        wait_until 60 more_crossed_to osaka "$before"
        goes_on
    done
    ends_whole
    stop kyoto || :
    wait_until 60 publishes kyoto 0
    separate tokyo osaka
    sed -i 's/^match_timeout = .*/match_timeout = 8/' tokyo/relay.conf
    node_ctl tokyo reload
    at_host tokyo timeout 60 openssl s_client -connect "127.0.0.1:${port_of[tokyo]}" -CAfile ca.pem \
        -cert alice/cert.pem -key alice/private.pem -ign_eof <<<$'GET / HTTP/1.1\n' >answer 2>&1
    grep 'HTTP/1.1 503 No agent is here, and relay osaka cannot be reached' answer
}

more_crossed_to() {
    [ "$(crossed_to "$1")" -gt "$2" ]
}

# split: tokyo and the store in the east hear nobody else.
split() {
    in_lan ip link set tokyo master br1
    in_lan ip link set east master br1
}

unite() {
    in_lan ip link set tokyo master br0
    in_lan ip link set east master br0
}

# told_by STORE RELAY COUNT: it has so many customers of that relay, which lives.
told_by() {
    local key epoch count=0
    epoch=$(store_at "$1" get "vw:n:$2")
    for key in $(store_at "$1" --scan --pattern 'vw:a:*'); do
        [ -z "$epoch" ] || [ "$(store_at "$1" hget "$key" "$2")" != "$epoch" ] || count=$((count + 1))
    done
    [ "$count" -eq "$3" ]
}

# bats test_tags=slow
@test "the store is split in two: each side pairs what it sees, and all have one when it is one again" {
    local i name
    in_lan ip link add br1 type bridge
    in_lan ip link set br1 up
    agent_on osaka osaka
    agent_on tokyo tokyo
    start_storm_at_tokyo
    for ((i = 0; i < rounds; i++)); do
        a_random_moment
        split
        # as Sentinel would, on the side where most are
        store_at west replicaof no one
        for name in osaka kyoto; do
            wait_until 60 told_by west "$name" "$([ "$name" = osaka ] && echo 1 || echo 0)"
            wait_until 60 store_is_up "$name"
        done
        told_by east tokyo 2
        goes_on
        unite
        store_at east replicaof "${address_of[west]}" "$store_port"
        wait_until 60 is_role east slave
        wait_until 60 told_by west tokyo 2
        wait_until 60 told_by west osaka 1
        goes_on
        # back, by hand
        store_at east replicaof no one
        store_at west replicaof "${address_of[east]}" "$store_port"
        wait_until 60 is_role west slave
        wait_until 60 told_by east tokyo 2
        wait_until 60 told_by east osaka 1
        goes_on
    done
    ends_whole
}
