#!/usr/bin/env bats
# Many sessions of many customers, and many agents that wait: nothing is lost,
# doubled, spoilt or crossed, and nothing is left of it.
#
# "make soak" has more of all: see the Makefile.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/faults

sessions=${LOAD_SESSIONS:-300}
certificates=${LOAD_CERTIFICATES:-10}
agents=${LOAD_AGENTS:-300}
seconds=${LOAD_SECONDS:-5}

setup_file() {
    # shellcheck disable=SC2046
    make_pki $(customer_names) alone
}

setup() {
    is_root || skip 'needs root, to count the fds of the broker'
    prepare
    mapfile -t names < <(customer_names)
    load=(env "SCRATCH=$scratch" "RELAY_PORT=$relay_port" "CLIENT_ADDRESS=$client_address"
        "RELAY_LOG=$scratch/relay.log" python3 -SB "$tests/lib/load.py")
}

teardown() {
    exec 8>&- # of the idle agents
    end_all
}

customer_names() {
    seq -f 'customer%03g' "$certificates"
}

broker_rss() {
    sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(pid_of broker)/status"
}

# a_quiet_relay: with a baseline. The first session of all is before that, for
# what a program keeps of its first.
a_quiet_relay() {
    start_broker
    start_relay listen
    wait_until 60 spawner_is_known
    start_target first whole "${names[0]}"
    start_waiting_agent first-agent "${names[0]}" "$target" "$steady"
    stone_port=$(free_port)
    start_stone first-stone "${names[0]}" "$stone_port"
    client session "$stone_port" "${names[0]}" 100000 100000
    stop first-stone || :
    stop first-agent
    stop first || :
    wait_until 60 [ "$(handlers)" -eq 0 ]
    wait_until 60 no_connections
    take_baseline
    rss=$(broker_rss)
}

spawner_is_known() {
    [ "$(status_of spawners)" -eq 1 ]
}

# no_connections: of TCP to the relay, but those that the kernel remembers.
no_connections() {
    [ "$(ss -tanH "( sport = :$relay_port or dport = :$relay_port )" |
        grep -cvE '^(LISTEN|TIME-WAIT)')" -eq 0 ]
}

# all_is_as_before: processes, zombies, fds, sockets exactly, and the memory of
# the broker within a MiB.
all_is_as_before() {
    wait_until 60 no_connections
    assert_back_to_baseline
    local now
    now=$(broker_rss)
    note "$baseline; RSS of the broker, KiB: $rss before, $now after"
    # sanitizers keep what was freed
    [ -n "${BUILT-}" ] || [ "$now" -le $((rss + 1024)) ]
}

# numbers LOG: of the sessions that went well.
numbers() {
    sed -n 's/^whole \([0-9a-f]*\).*/\1/p' "$1" | sort
}

@test "many sessions of many customers: none is lost, doubled, spoilt or crossed" {
    a_quiet_relay
    # ports in a row, above those of free_port
    target_port=$((32000 - certificates - RANDOM % 500))
    start targets python3 -SB "$tests/lib/load.py" targets "$target_port" "${names[@]}"
    await_start targets says targets '^listening'
    for i in "${!names[@]}"; do
        : >"agent-$i.log"
        start_agent "agent-$i" "${names[i]}" "127.0.0.1:$((target_port + i))"
    done
    for i in "${!names[@]}"; do
        await_start "agent-$i" waits "agent-$i" 2
    done
    begin=$SECONDS
    start sessions "${load[@]}" sessions "$sessions" 32 "${names[@]}"
    await_end sessions $((sessions / 10 + 60)) || {
        grep ^wrong sessions.log | head -n 20
        return 1
    }
    note "$sessions sessions of ${#names[@]} certificates in $((SECONDS - begin)) s"
    [ "$(numbers sessions.log | wc -l)" -eq "$sessions" ]
    wait_until 60 the_targets_have_seen_as_many
    [ "$(numbers sessions.log)" = "$(numbers targets.log)" ]
    not says targets ^wrong
    [ "$(numbers targets.log | uniq -d | wc -l)" -eq 0 ]
    for i in "${!names[@]}"; do
        stop "agent-$i"
    done
    stop targets || :
    all_is_as_before
}

the_targets_have_seen_as_many() {
    [ "$(numbers targets.log | wc -l)" -eq "$sessions" ]
}

# idle_agents: so many as $agents, that wait until end_of_idle_agents.
idle_agents() {
    mkfifo idle.in
    : >idle.log
    start idle from_file idle.in "${load[@]}" agents "$agents" "${names[@]}"
    exec 8>idle.in
    wait_until $((agents / 20 + 30)) command_or_end idle says idle '^waiting'
    wait_until 60 agents_are "$agents"
}

end_of_idle_agents() {
    exec 8>&-
    await_end idle 120
    wait_until 60 agents_are 0
}

agents_are() {
    [ "$(status_of agents)" -eq "$1" ]
}

# bats test_tags=slow
@test "many agents wait, and sessions begin and end among them" {
    a_quiet_relay
    begin=$SECONDS
    idle_agents
    note "$agents agents after $((SECONDS - begin)) s; RSS of the broker: $(broker_rss) KiB"
    start_target own whole alone
    start_waiting_agent own-agent alone "$target"
    stone_port=$(free_port)
    start_stone own-stone alone "$stone_port"
    end=$((SECONDS + seconds))
    done=0
    while [ "$SECONDS" -lt "$end" ]; do
        client sessions "$stone_port" alone 20 4 >/dev/null
        done=$((done + 20))
    done
    note "$done sessions meanwhile"
    stop own-stone || :
    stop own-agent
    stop own || :
    end_of_idle_agents
    all_is_as_before
}

# crowd COUNT: so many handlers that wait, which leave when told on fd 8.
crowd() {
    local user=$relay_user
    is_root || user=
    rm -f crowd.in
    mkfifo crowd.in
    : >crowd.log
    start crowd from_file crowd.in python3 -SB "$tests/lib/handlers.py" "$scratch/broker.sock" "$1" "$user"
    exec 8>crowd.in
    wait_until 60 command_or_end crowd says crowd '^registered'
}

crowd_leaves() {
    echo >&8
    exec 8>&-
    await_end crowd
    wait_until 60 broker_has_fds "$idle_fds"
}

@test "the broker gives back the memory of a crowd that has left" {
    needs_plain 'what is freed is kept'
    start_broker
    idle_fds=$(broker_fds)
    # once, for what it has of the first
    crowd 100
    crowd_leaves
    rss=$(broker_rss)
    crowd 10000
    full=$(broker_rss)
    crowd_leaves
    note "10000 handlers: RSS of the broker, KiB: $rss before, $full with them, $(broker_rss) after"
    [ "$full" -gt $((rss + 1024)) ]
    [ "$(broker_rss)" -le $((rss + 1024)) ]
}

broker_has_fds() {
    [ "$(broker_fds)" -eq "$1" ]
}

# bats test_tags=slow
@test "after the broker's death all agents are back within 60 seconds, and no second has too many of them" {
    start_broker
    start_relay listen
    idle_agents
    stop broker KILL || :
    start_broker
    wait_until 70 agents_are "$agents"
    ctl --json agents | jq -r '.agents[].seconds' >ages
    up=$(status_of uptime)
    # in which second of the new broker each came
    awk -v up="$up" '{ second = up - $1; count[second]++ }
        END { for (s in count) print s, count[s] }' ages | sort -n >seconds
    note "agents a second after the broker's return: $(tr '\n' ';' <seconds)"
    [ "$(tail -n 1 seconds | cut -d ' ' -f 1)" -le 60 ]
    [ "$(sort -n -k 2 seconds | tail -n 1 | cut -d ' ' -f 2)" -le "$(most_a_second "$agents")" ]
    end_of_idle_agents
}
