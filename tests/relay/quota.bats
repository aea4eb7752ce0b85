#!/usr/bin/env bats
# nusers of a customer over several relays, which count in one store: a real Redis.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/cluster
load ../lib/customers

setup_file() {
    make_pki alice
    make_nodes tokyo osaka kyoto
}

setup() {
    prepare
    no_customers
}

# start_all NUSERS RELAY...: which all grant alice so many, and use the store.
start_all() {
    local name
    customer alice "nusers = $1"
    configure 'match_timeout = 300'
    shift
    make_relays "$@"
    for name; do
        cp customers "$name"
        give "$name"
    done
    [ -n "${alone-}" ] || { start_store && with_presence "$@"; }
    start_relays
    for name; do
        [ -n "${alone-}" ] || wait_until 60 store_is_up "$name"
    done
}

# stone_enters NAME RELAY: a stone of alice waits there until stone_leaves NAME.
stone_enters() {
    start_play "$1" <<SCRIPT
client = stone("alice", port=${port_of[$2]})
at_point("$1")
client.reset()
SCRIPT
    await_point "$1" "$1"
}

stone_leaves() {
    go_on "$1"
    ended_well "$1"
}

# stones_wait RELAY COUNT
stones_wait() {
    [ "$(node_status "$1" stones)" -eq "$2" ]
}

# is_refused RELAY: one more stone of alice is.
is_refused() {
    run -0 at_relay "$1" s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 429 All sessions of this customer are in use'* ]]
}

# refused_elsewhere RELAY: the same, since other relays' count.
refused_elsewhere() {
    is_refused "$1" && [[ $output == *'are in use, at all relays'* ]]
}

# used RELAY COUNT: so the store has it, of a relay that lives.
used() {
    local key sum=0 epoch value
    for key in $(store --scan --pattern 'vw:u:*'); do
        read -r epoch value <<<"$(store hget "$key" "$1")"
        [ -z "$value" ] || [ "$epoch" != "$(store get "vw:n:$1")" ] || sum=$((sum + value))
    done
    [ "$sum" -eq "$2" ]
}

@test "of many stones that come at three relays at once exactly nusers get in" {
    local ports
    start_all 10 tokyo osaka kyoto
    ports=${port_of[tokyo]},${port_of[osaka]},${port_of[kyoto]}
    play <<SCRIPT
import select, subprocess

def used():
    keys = subprocess.run(["redis-cli", "-p", "$store_port", "--scan", "--pattern", "vw:u:*"],
                          capture_output=True, check=True).stdout
    return keys.split()

for _ in range($(often 20)):
    stones = [Peer("alice", port=port) for port in ($ports) for _ in range(8)]
    in_threads(lambda s: s.send(GET), *stones)
    # those who are in wait: there is no agent
    refused = []
    while len(refused) < 14:
        ready = select.select([s.sock for s in stones if s not in refused], [], [], 30)[0]
        assert ready, f"{len(refused)} refused"
        for s in [s for s in stones if s.sock in ready and s not in refused]:
            head = s.head()
            assert head.startswith(b"HTTP/1.1 429 All sessions of this customer are in use"), head
            refused.append(s)
    assert all(s.silent(0.1) for s in stones if s not in refused)
    for s in stones:
        s.reset()
    until(lambda: not used())
SCRIPT
}

@test "what another relay has counts, as long as it lasts" {
    start_all 2 tokyo osaka
    stone_enters first tokyo
    stone_enters second osaka
    wait_until 60 stones_wait osaka 1
    refused_elsewhere tokyo
    refused_elsewhere osaka
    wait_until 60 used tokyo 1
    stone_leaves second
    wait_until 60 used osaka 0
    stone_enters third tokyo
    wait_until 60 stones_wait tokyo 2
    refused_elsewhere osaka
    # here it is known without the store
    is_refused tokyo
    [[ $output != *'at all relays'* ]]
    stone_leaves first
    stone_leaves third
}

@test "a session that crosses counts once, where its stone is" {
    start_all 1 tokyo osaka
    agent_at osaka alice
    stone_at tokyo alice '--sessions 0'
    start_client client session "$stone_port" alice goes
    wait_until 60 in_session tokyo
    wait_until 60 in_session osaka
    wait_until 60 used tokyo 1
    used osaka 0
    refused_elsewhere osaka
    go_on goes
    ended_whole client
    wait_until 60 used tokyo 0
}

@test "a relay that died counts no more, once its lease is over" {
    local what
    start_all 1 tokyo osaka
    stone_enters first osaka
    wait_until 60 stones_wait osaka 1
    refused_elsewhere tokyo
    for what in presence broker relay peer; do
        stop "osaka-$what" KILL || :
    done
    wait_until 60 lease_is_gone osaka
    stone_enters second tokyo
    wait_until 60 stones_wait tokyo 1
    stone_leaves second
}

lease_is_gone() {
    [ "$(store exists "vw:n:$1")" = 0 ]
}

@test "without the store each relay counts for itself, and what came meanwhile counts when it is back" {
    start_all 1 tokyo osaka
    stone_enters first tokyo
    wait_until 60 stones_wait tokyo 1
    refused_elsewhere osaka
    stop store
    wait_until 60 store_is_away osaka
    stone_enters second osaka
    wait_until 60 stones_wait osaka 1
    is_refused osaka
    start_store
    wait_until 60 store_is_up osaka
    wait_until 60 used osaka 1
    wait_until 60 used tokyo 1
    # one more than are granted is here, who stays
    stone_leaves first
    wait_until 60 used tokyo 0
    refused_elsewhere tokyo
    stones_wait osaka 1
    stone_leaves second
}

store_is_away() {
    [ "$(node_status "$1" store_up)" = false ]
}

@test "a store that stalls, and a relay-presence that does, hold no stone back" {
    start_all 2 tokyo osaka
    start_target target-alice whole alice
    at_relay tokyo start_agent agent-alice alice "$target"
    wait_until 60 agents_wait tokyo 2
    stone_at tokyo alice '--sessions 0'
    read_pid store
    kill -STOP "$pid"
    client session "$stone_port" alice 1000 1000
    kill -CONT "$pid"
    wait_until 60 store_is_up tokyo
    read_pid tokyo-presence
    kill -STOP "$pid"
    client sessions "$stone_port" alice 5 1
    kill -CONT "$pid"
    client session "$stone_port" alice 1000 1000
    not says target-alice spoilt
    wait_until 60 used tokyo 0
}

@test "broker and relay-presence that begin anew count what is here still" {
    start_all 2 tokyo osaka
    stone_enters first tokyo
    stone_enters second tokyo
    wait_until 60 stones_wait tokyo 2
    refused_elsewhere osaka
    stop tokyo-presence KILL || :
    start_presence tokyo
    wait_until 60 store_is_up tokyo
    wait_until 60 counts_again osaka
    stop tokyo-broker KILL || :
    start_one tokyo broker relay-broker
    wait_until 60 stones_wait tokyo 2
    wait_until 60 counts_again osaka
    stone_leaves first
    stone_leaves second
    wait_until 60 used tokyo 0
}

# counts_again RELAY
counts_again() {
    used tokyo 2 && refused_elsewhere "$1"
}

@test "what a store says that others write to lets nobody in who is counted here, and breaks nothing" {
    local key
    start_all 1 tokyo osaka
    stone_enters first tokyo
    wait_until 60 stones_wait tokyo 1
    wait_until 60 used tokyo 1
    key=$(store --scan --pattern 'vw:u:*')
    # of no relay, of another start, no figure at all
    store hset "$key" nagoya 'ffff 9' kyoto "$(store get vw:n:osaka) 9" osaka 'x y'
    refused_elsewhere osaka
    is_refused tokyo
    # no hash at all: then who comes is let in
    store set "$key" tokyo
    stone_enters second osaka
    wait_until 60 stones_wait osaka 1
    is_refused osaka
    running tokyo-presence
    running osaka-presence
    stone_leaves first
    stone_leaves second
}

@test "without a presence line each relay counts for itself" {
    local alone=yes
    start_all 1 tokyo osaka
    stone_enters first tokyo
    stone_enters second osaka
    wait_until 60 stones_wait tokyo 1
    wait_until 60 stones_wait osaka 1
    is_refused tokyo
    [[ $output != *'at all relays'* ]]
    stone_leaves first
    stone_leaves second
}
