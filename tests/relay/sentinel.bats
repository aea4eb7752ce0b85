#!/usr/bin/env bats
# Relays whose store is a real Redis with a replica, and Sentinel, which chooses the
# master.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/cluster
load ../lib/faults

setup_file() {
    make_pki alice bob
    make_nodes tokyo osaka
}

setup() {
    prepare
    configure 'match_timeout = 30'
    make_relays tokyo osaka
}

# start_replica: of the store, on $replica_port, also again.
start_replica() {
    [ -n "${replica_port-}" ] || { take_port && replica_port=$port; }
    start replica redis-server --port "$replica_port" --bind 127.0.0.1 --save '' --appendonly no \
        --dir "$scratch" --daemonize no --replicaof 127.0.0.1 "$store_port"
    wait_until 60 is_role "$replica_port" slave
}

# start_sentinel: on $sentinel_port. It is redis-server by another name.
start_sentinel() {
    take_port
    sentinel_port=$port
    printf '%s\n' "port $sentinel_port" 'bind 127.0.0.1' "dir $scratch" \
        "sentinel monitor relays 127.0.0.1 $store_port 1" \
        'sentinel down-after-milliseconds relays 1000' \
        'sentinel failover-timeout relays 5000' >sentinel.conf
    start sentinel redis-server "$scratch/sentinel.conf" --sentinel
    wait_until 60 knows_replica
}

knows_replica() {
    [ "$(redis-cli -p "$sentinel_port" sentinel master relays 3>&- | grep -A 1 '^num-slaves$' | tail -n 1)" = 1 ]
}

# is_role PORT ROLE: one that is a replica has all.
is_role() {
    local role
    role=$(redis-cli -p "$1" role 2>/dev/null 3>&- | xargs)
    [[ $role == "$2"* && ($2 == master || $role == *' connected '*) ]]
}

# both_follow PORT: both relays have taken that store, and it has been told all.
both_follow() {
    says tokyo-presence " store-up store=127.0.0.1:$1$" && says osaka-presence " store-up store=127.0.0.1:$1$" &&
        store_is_up tokyo && store_is_up osaka
}

# bats test_tags=slow
@test "Sentinel chooses another master, twice, while sessions run: relays follow it, and none is lost" {
    local first
    start_store
    first=$store_port
    start_replica
    start_sentinel
    with_presence tokyo osaka
    sed -i "/^presence = /apresence = 127.0.0.1:$replica_port" {tokyo,osaka}/relay.conf
    start_relays
    wait_until 60 both_follow "$first"
    at_relay osaka storm_agent alice
    at_relay tokyo storm_stone alice
    at_relay osaka storm_agent bob
    at_relay osaka storm_stone bob
    begin_storm alice bob

    # the master dies
    stop store KILL || :
    wait_until 60 both_follow "$replica_port"
    is_role "$replica_port" master
    store_port=$replica_port
    wait_until 60 told osaka 2
    count_lines storm '^whole'
    wait_until 60 storm_has_passed $((counted + 10))

    # it comes back, and is a replica now; then it is made the master by hand
    store_port=$first
    start_store
    wait_until 60 is_role "$first" slave
    : >tokyo-presence.log
    : >osaka-presence.log
    wait_until 60 failover_begins
    wait_until 60 both_follow "$first"
    is_role "$first" master
    wait_until 60 told osaka 2
    count_lines storm '^whole'
    wait_until 60 storm_has_passed $((counted + 10))
    [ "$(node_status tokyo crossing_out_total)" -ge 10 ]

    not says storm '^broken'
    storm_was_right
    not says tokyo-presence ' name-in-use '
}

failover_begins() {
    [ "$(redis-cli -p "$sentinel_port" sentinel failover relays 3>&-)" = OK ]
}

@test "a store with a replica that it must have takes nothing while that is away, and is none until it is back" {
    start_store --min-replicas-to-write 1
    start_replica
    with_presence tokyo
    start_relays tokyo
    wait_until 60 store_is_up tokyo
    stop replica
    wait_until 60 says tokyo-presence ' store-away .*reason=NOREPLICAS'
    [ "$(node_status tokyo store_up)" = false ] || wait_until 60 store_is_away tokyo
    start_replica
    wait_until 60 store_is_up tokyo
}

store_is_away() {
    [ "$(node_status "$1" store_up)" = false ]
}
