#!/usr/bin/env bats
# Agents that are parked and woken all the time, with the relay and the agents as
# they are: stones get whole sessions or an honest error, whatever is killed.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/faults

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
}

# How many polls an agent has at least, and at most twice as many; how many agents
# each of two customers has whose polls are parked and woken at random, and for how
# many seconds.
polls=${PARKED_POLLS:-4}
agents=${PARKED_AGENTS:-1}
seconds=${PARKED_SECONDS:-10}

# parking NAME...: a relay that parks after a second, and a line through it for
# each of these customers, with one agent, whose polls are parked.
parking() {
    local name
    configure 'park_after = 1'
    start_broker
    start_relay listen
    wait_until 60 spawner_is_attached
    for name; do
        start_target "target-$name" whole "$name"
        echo "$target" >"target-$name.place"
        an_agent "$name" "$name"
        stone_port=$(free_port)
        stone_name=$name start_relay_stone "stone-$name" "--sessions 0" "$(to_relay "localhost:$stone_port")"
        echo "$stone_port" >"stone-$name.port"
    done
    for name; do
        wait_until 60 all_parked "$name"
    done
}

# an_agent NAME CUSTOMER: agent-NAME, one of that customer's.
an_agent() {
    start_waiting_agent "agent-$1" "$2" "$(cat "target-$2.place")" \
        "-m $polls:$((polls < 32 ? polls * 2 : 64))"
}

# all_parked [NAME]: the agent has its polls or more, and no process for them.
all_parked() {
    local name=${1:-alice}
    parks_at_least "$polls" "$name" && [ "$(any_child "agent-$name")" = '' ]
}

# parks_at_least COUNT NAME: so many of the agent's polls are parked.
parks_at_least() {
    local parked
    parked=$(timeout 60 bin/relayagent status --json -C "agent-$2.conf" 3>&- |
        jq '.relays[0].parked') && [ "$parked" -ge "$1" ]
}

# to_parked COUNT AT_ONCE: sessions, of which the first, at least, have to wake it.
to_parked() {
    wait_until 60 all_parked
    client sessions "$stone_port" alice "$@"
}

@test "sessions to an agent that was parked, over and over: all are whole" {
    local round count=$((rounds * 3))
    parking alice
    for ((round = 1; round <= count; round++)); do
        to_parked 8 $((round % 8 + 1))
    done
    note "$count times parked and woken: $(grep -c ' woken ' agent-alice.log) of $((count * polls)) polls"
    says_at_least agent-alice "$count" ' woken '
    [ "$(grep -c '^session ' target-alice.log)" -ge $((count * 8)) ]
    not says target-alice '^(clean end|spoilt)'
    not says agent-alice ' (park-lost|not-connected) '
    not says relay ' handler-killed '
}

@test "kill -9 of the broker, of relay-listen, of relayagent and its polls, as it is parked and woken" {
    local round kind
    parking alice
    for ((round = 1; round <= rounds; round++)); do
        for kind in broker spawner agent agent-poll any-handler; do
            wait_until 60 all_parked
            start_client sessions sessions "$stone_port" alice 16 4
            a_random_moment
            case $kind in
                agent-poll | any-handler) struck_one "$kind" KILL || : ;;
                *) strike "$kind" KILL && revive "$kind" ;;
            esac
            # whole or an error, and it ends
            await_end sessions 100 || :
            serves_again alice 60
        done
    done
    note "$rounds times killed, each: broker, relay-listen, relayagent, a poll, a handler"
    not says target-alice '^(clean end|spoilt)'
    not says relay ' handler-killed .*signal=(6|11)\b'
    not says agent-alice ' handler-killed '
}

# began_and_broke NAME: how many sessions of that customer did.
began_and_broke() {
    grep -c "^broken .*begun=yes .*name=$1 " storm.log || :
}

# bats test_tags=slow
@test "kill -9 of anything, as agents are parked and woken at random: no session that had begun is lost" {
    local i kind end kills=0
    parking alice bob
    for ((i = 2; i <= agents; i++)); do
        an_agent "alice.$i" alice
        an_agent "bob.$i" bob
    done
    start storm python3 -SB "$tests/lib/storm.py" "$scratch/storm.stop" $((polls / 16 + 4))/3 \
        "alice=$(cat stone-alice.port)" "bob=$(cat stone-bob.port)"
    # shellcheck disable=SC2034 # for storm_was_right
    storm_of=(alice bob)
    for ((end = SECONDS + seconds; SECONDS < end; )); do
        for kind in broker spawner agent agent-poll; do
            wait_until 180 parks_at_least $((polls / 2)) alice
            wait_until 180 parks_at_least $((polls / 2)) bob
            a_random_moment
            strike "$kind" KILL
            revive "$kind"
            kills=$((kills + 1))
            serves_again bob 180
        done
    done
    storm_was_right
    note "$kills times killed: broker, relay-listen, relayagent, a poll; woken: $(cat agent-bob*.log | grep -c ' woken ') of bob's"
    says agent-bob ' woken '
    # nobody killed bob's agents
    note "of sessions that had begun broke: $(began_and_broke alice) of alice's, $(began_and_broke bob) of bob's"
    [ "$(began_and_broke bob)" -eq 0 ]
    not says relay ' handler-killed .*signal=(6|11)\b'
    # no poll is lost
    wait_until 180 all_parked alice
    wait_until 180 all_parked bob
}

@test "the stone of Debian and curl reach an agent that is parked" {
    configure 'park_after = 1'
    start_broker
    start_relay listen
    start_target web web
    # the way to a web server, not a port forwarder
    printf '%s\n' '-m 2:2' "-k $scratch/bob/private.pem" "-c $scratch/bob/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "$target" >agent-bob.conf
    start agent-bob bin/relayagent -C agent-bob.conf
    start_target whole whole alice
    start_agent agent-alice alice "$target" '-m 2:2'
    wait_until 60 says_at_least agent-bob 2 ' parked '
    fetch bob /x | grep -q 'GET /x'
    says agent-bob ' woken '
    stone_port=$(free_port)
    start_stone stone alice "$stone_port"
    wait_until 60 says_at_least agent-alice 2 ' parked '
    client session "$stone_port" alice 100000 100000
    says agent-alice ' woken '
}
