#!/usr/bin/env bats
# Three relays and their store, of which something fails, in a storm of sessions
# with checksums: those that do not touch what failed go on, and none crosses
# another. It is what relay-cluster(7) says under "What happens when".
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/customers
load ../lib/clients
load ../lib/stones
load ../lib/cluster
load ../lib/faults

# How often each is tried: once in the suite, 10 in "make faults".
rounds=${CLUSTER_ROUNDS:-1}

setup_file() {
    make_pki alice bob
    make_nodes tokyo osaka kyoto
    make_admin carol
}

# alice's stone is at tokyo and her agent at osaka, or where it goes from there;
# all that bob has is at kyoto.
setup() {
    prepare
    configure 'match_timeout = 60' 'crl = crl.pem' 'peer_admin = yes'
    make_relays tokyo osaka kyoto
    with_admin tokyo carol
    start_store
    with_presence tokyo osaka kyoto
    start_relays
    all_up "${relays[@]}"
    start_target target-alice whole alice
    at_relay kyoto start_agent agent-alice alice "$target" '--relays first' "127.0.0.1:${port_of[osaka]}"
    wait_until 60 waits agent-alice 1
    at_relay tokyo storm_stone alice
    at_relay kyoto storm_agent bob
    at_relay kyoto storm_stone bob
    wait_until 60 told osaka 1
    wait_until 60 told kyoto 1
    begin_storm alice bob
}

# goes_on: ten sessions more, and one of each customer, are whole.
goes_on() {
    count_lines storm '^whole'
    wait_until 60 storm_has_passed $((counted + 10))
    serves_again alice 60
    serves_again bob 60
}

# ends_whole: the storm; nobody lost a session, or only PATTERN did.
ends_whole() {
    storm_was_right
    if [ $# -eq 0 ]; then
        not says storm '^broken'
    else
        [ "$(grep '^broken' storm.log | grep -cvE "$1")" -eq 0 ]
    fi
}

# away NAME: its relay-presence has said as often that the store is that it is up.
away() {
    count_lines "$1-presence" ' store-up '
    says_times "$1-presence" "$counted" ' store-away '
}

# bats test_tags=slow
@test "the store dies: no session is lost, it is said once, and told all when it is back" {
    local i name
    for ((i = 0; i < rounds; i++)); do
        a_random_moment
        stop store KILL || :
        for name in "${relays[@]}"; do
            wait_until 60 away "$name"
        done
        goes_on
        start_store
        all_back
        goes_on
    done
    ends_whole
}

# all_back: all relays have the store again, and it has all.
all_back() {
    local name
    for name in "${relays[@]}"; do
        wait_until 60 not away "$name"
    done
    all_up "${relays[@]}"
    wait_until 60 told osaka 1
    wait_until 60 told kyoto 1
}

# bats test_tags=slow
@test "the store stalls: no session is lost, it is said once, and believed when it goes on" {
    local i name
    for ((i = 0; i < rounds; i++)); do
        a_random_moment
        read_pid store
        kill -STOP "$pid"
        for name in "${relays[@]}"; do
            wait_until 60 away "$name"
        done
        goes_on
        read_pid store
        kill -CONT "$pid"
        all_back
        goes_on
    done
    ends_whole
}

# bats test_tags=slow
@test "the store loses all: it is told again within 10 seconds, and no session is lost" {
    local i begin
    for ((i = 0; i < rounds; i++)); do
        a_random_moment
        store flushall
        begin=$EPOCHREALTIME
        wait_until 60 told osaka 1
        wait_until 60 told kyoto 1
        within 10 "$begin" "$EPOCHREALTIME"
        goes_on
    done
    ends_whole
}

# bats test_tags=slow
@test "relay-presence dies: no session is lost, and within 3 seconds of its start it has told and finds all" {
    local i name begin
    for ((i = 0; i < rounds; i++)); do
        name=${relays[RANDOM % 3]}
        a_random_moment
        stop "$name-presence" KILL || :
        goes_on
        begin=$EPOCHREALTIME
        start_presence "$name"
        wait_until 60 store_is_up "$name"
        wait_until 60 publishes_its_own "$name"
        within 3 "$begin" "$EPOCHREALTIME"
        goes_on
    done
    ends_whole
}

# publishes_its_own NAME: the store has those customers of it that are there.
publishes_its_own() {
    case $1 in
        tokyo) publishes tokyo 0 ;;
        *) publishes "$1" 1 ;;
    esac
}

# processes_of RELAY: all of it, handlers too.
processes_of() {
    pgrep -f -- "$scratch/$1/relay.conf" || :
}

# bats test_tags=slow
@test "a relay dies: its sessions end as an error, its agents go elsewhere, and no other session is lost" {
    local i
    for ((i = 0; i < rounds; i++)); do
        a_random_moment
        kill_relay osaka
        wait_until 60 told kyoto 2
        wait_until 60 lease_is_gone osaka
        goes_on
        not says storm '^broken .* name=bob '
        start_relays osaka
        wait_until 60 store_is_up osaka
        wait_until 60 publishes osaka 1
        goes_on
    done
    ends_whole ' name=alice '
}

# kill_relay NAME: as the host's end would.
kill_relay() {
    local all what
    # some are forked while they are looked up
    while mapfile -t all < <(processes_of "$1") && [ "${#all[@]}" -gt 0 ]; do
        kill -KILL "${all[@]}" 2>/dev/null || :
    done
    for what in broker relay peer presence; do
        wait_until 60 not running "$1-$what"
    done
}

lease_is_gone() {
    [ "$(store exists "vw:n:$1")" = 0 ]
}

# bats test_tags=slow
@test "relays that cannot reach each other, but the store: who is found is passed over, and named in the 503" {
    local i pids name
    for ((i = 0; i < rounds; i++)); do
        # its processes for sessions live on, and nobody else comes
        a_random_moment
        read_pid osaka-peer
        kill -STOP "$pid"
        at_relay kyoto start_agent agent-second alice "$(target_of alice)"
        wait_until 60 told kyoto 2
        # what crossed goes on: only new sessions need it
        goes_on
        read_pid osaka-peer
        kill -CONT "$pid"
        stop agent-second || :
        wait_until 60 told kyoto 1
        goes_on
    done
    ends_whole
    for name in osaka kyoto; do
        read_pid "$name-peer"
        kill -STOP "$pid"
    done
    sed -i 's/^match_timeout = .*/match_timeout = 5/' tokyo/relay.conf
    node_ctl tokyo reload
    run -0 at_relay tokyo s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 503 No agent is here, and relay '*' cannot be reached'* ]]
    for name in osaka kyoto; do
        read_pid "$name-peer"
        kill -CONT "$pid"
    done
}

# target_of NAME
target_of() {
    tail -n 1 "agent-$1.conf"
}

# bats test_tags=slow
@test "a relay drains: stones elsewhere are led to others, and no session is lost" {
    local i
    for ((i = 0; i < rounds; i++)); do
        at_relay kyoto start_agent agent-second alice "$(target_of alice)"
        wait_until 60 told kyoto 2
        a_random_moment
        node_ctl osaka drain
        wait_until 60 told osaka 0
        goes_on
        await_end osaka-broker 60
        goes_on
        kill_rest_of osaka
        start_relays osaka
        wait_until 60 store_is_up osaka
        stop agent-second || :
        wait_until 60 told osaka 1
        goes_on
    done
    ends_whole
}

# kill_rest_of NAME: what a broker that has drained leaves.
kill_rest_of() {
    local what
    for what in presence peer relay; do
        stop "$1-$what" || :
    done
}

# bats test_tags=slow
@test "a client is revoked, and all relays reload by one command: its sessions end everywhere, and no other is lost" {
    local i alice
    alice=$(identity alice)
    cp crl.pem before.pem
    revoke alice
    cp crl.pem after.pem
    for ((i = 0; i < rounds; i++)); do
        a_random_moment
        cp after.pem crl.pem
        put_list "${relays[@]}"
        node_ctl tokyo --all reload >/dev/null
        wait_until 60 nobody_has "$alice"
        # she comes again and again, and gets nowhere
        count_lines storm '^broken .* name=alice '
        wait_until 60 says_at_least storm $((counted + 5)) '^broken .* name=alice '
        count_lines storm '^whole'
        wait_until 60 storm_has_passed $((counted + 10))
        serves_again bob 60
        nobody_has "$alice"
        cp before.pem crl.pem
        put_list "${relays[@]}"
        node_ctl tokyo --all reload >/dev/null
        goes_on
    done
    ends_whole ' name=alice '
}

# nobody_has IDENTITY: neither a session nor a poll, at any relay.
nobody_has() {
    [ "$({
        node_ctl tokyo --all --json sessions
        node_ctl tokyo --all --json agents
    } | grep -cF "$1")" -eq 0 ]
}
