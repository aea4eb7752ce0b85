#!/usr/bin/env bats
# relayagent with several relays, of which the first that works is enough
# (--relays first).
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/second_relay
load ../lib/warp

setup_file() {
    make_pki alice
}

setup() {
    prepare
    configure_second
    take_port
    target=127.0.0.1:$port
    start echo socat "TCP4-LISTEN:$port,fork,reuseaddr" EXEC:cat
    await_start echo listening "$port"
}

# agent [LINE...]: of both relays.
agent() {
    printf '%s\n' -n "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "127.0.0.1:$second_port" "$@" \
        "$target" >agent.conf
    : >agent.log
    start agent bin/relayagent -C agent.conf
    await_start agent says agent ' start '
}

first() {
    start_broker
    start_relay listen
}

# answer FILTER: of relayagent status.
answer() {
    timeout 60 bin/relayagent status --json -C agent.conf 3>&- | jq -r "$1"
}

# polls_at FIRST SECOND: as many wait.
polls_at() {
    [ "$(answer '[.relays[].waiting] | join(" ")')" = "$1 $2" ]
}

@test "only the first is polled while it works, and status says so" {
    first
    start_second
    agent '--relays first'
    wait_until 60 polls_at 2 0
    not says agent ' waiting .*port='"$second_port"
    [ "$(answer '[.relays[].idle | tostring] | join(" ")')" = 'null true' ]
    [ "$(answer '.relays[1].error')" = null ]
    bin/relayagent status -C agent.conf 3>&- | grep "^relay 127.0.0.1:$second_port: idle while an earlier one works"
    bin/relayagent metrics -C agent.conf 3>&- |
        grep -F "vpn_warp_agent_relay_idle{relay=\"127.0.0.1:$second_port\"} 1"
}

@test "without the option, and with all, both are polled" {
    first
    start_second
    agent
    wait_until 60 polls_at 2 2
    stop agent
    agent '--relays first' '--relays all'
    wait_until 60 polls_at 2 2
}

@test "a relay that is not there at the start is passed over at once" {
    start_second
    agent '--relays first'
    wait_until 60 polls_at 0 2
    says agent " next-relay relay=127.0.0.1:$second_port instead_of=127.0.0.1:$relay_port reason=.*Connection_refused$"
    not says agent ' earlier-relay '
}

@test "one that is lost is left for the next, and taken again when it works again; sessions live on" {
    first
    start_second
    agent '--relays first'
    wait_until 60 polls_at 2 0
    stop relay
    stop broker
    wait_until 60 polls_at 0 2
    says_times agent 1 " next-relay relay=127.0.0.1:$second_port "
    start_session
    first
    wait_until 200 polls_at 2 0
    says_times agent 1 " earlier-relay relay=127.0.0.1:$relay_port instead_of=127.0.0.1:$second_port reason=it_works_again$"
    end_session
}

# start_session: at the second relay, which goes on until end_session.
start_session() {
    start_play session <<SCRIPT
client = stone("alice", GET + b"hello", port=$second_port)
assert client.head() == OK and client.read(5) == b"hello"
at_point("in_session")
client.send(b"again")
assert client.read(5) == b"again"
client.close()
SCRIPT
    await_point session in_session
}

end_session() {
    go_on in_session
    ended_well session
}

@test "where all are lost all are tried, and the first that is back is used" {
    agent '--relays first'
    wait_until 60 both_refused
    start_second
    wait_until 200 polls_at 0 2
    [ "$(answer '.relays[0].error | type')" = string ]
}

both_refused() {
    says agent " not-connected relay=127.0.0.1:$relay_port " &&
        says agent " not-connected relay=127.0.0.1:$second_port "
}

@test "a reload begins with the first again, and another word takes its effect" {
    first
    start_second
    agent '--relays first'
    wait_until 60 polls_at 2 0
    sed -i 's/^--relays first/--relays all/' agent.conf
    kill -HUP "$(pid_of agent)"
    wait_until 60 polls_at 2 2
    sed -i 's/^--relays all/--relays first/' agent.conf
    kill -HUP "$(pid_of agent)"
    wait_until 60 polls_at 2 0
}

@test "any other word is refused, and names its line" {
    run -78 bin/relayagent -t -n --relays last -k alice/private.pem -c alice/cert.pem relay:443 intra:80
    [[ $output == *'--relays last: not all or first' ]]
    printf '%s\n' -n '--relays' relay:443 intra:80 >agent.conf
    run -78 bin/relayagent -t -C agent.conf
    [[ $output == *'agent.conf:2: --relays has no value' ]]
}

@test "a .warp file may name several relays" {
    first
    start_second
    warp alice alice
    sed -i "/^relay = /a relay = 127.0.0.1:$second_port" alice.warp
    start agent bin/relayagent --relays first alice.warp "$target"
    wait_until 60 says agent " waiting relay=127.0.0.1 port=$relay_port "
    stop relay
    stop broker
    wait_until 60 says agent " waiting relay=127.0.0.1 port=$second_port "
}

@test "when it goes on and comes back, and in which order addresses are tried: by the rules" {
    [ -x "$tests/../build/tests/several" ] || skip 'make test-programs'
    "$tests/../build/tests/several"
}
