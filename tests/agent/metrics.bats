#!/usr/bin/env bats
# "relayagent metrics": what one that runs says of itself, for Prometheus.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/metrics
load ../lib/status

setup_file() {
    make_pki alice
}

setup() {
    prepare
    asks relayagent agent.conf
}

# value METRIC: of the relay, in text.
value() {
    value_in text "vpn_warp_agent_relay_$1{relay=\"127.0.0.1:$relay_port\"}"
}

@test "metrics are what status says; --textfile replaces the file in one step" {
    no_customers
    customer alice 'expire = 2030-01-02'
    with_relay
    start_line alice "$steady"
    cp agent-alice.conf agent.conf
    mv agent-alice.status agent.status
    exec {held}<>"/dev/tcp/127.0.0.1/$stone_port"
    wait_until 60 is '.relays[0] | "\(.sessions) \(.arrivals) \(.waiting)"' '1 1 2'
    ask metrics >text
    is_metrics text 13
    [ "$(value sessions) $(value arrivals_total) $(value waiting) $(value wanted)" = '1 1 2 2' ]
    [ "$(value polls) $(value parked) $(value failing)" = '2 0 0' ]
    [ "$(value since_timestamp_seconds)" = "$(answer '.relays[0].since | fromdate')" ]
    [ "$(value customer_expire_timestamp_seconds)" = "$(date -u -d 2030-01-02T23:59:59Z +%s)" ]
    [ "$(value_in text vpn_warp_agent_sessions)" = 1 ]
    [ "$(value_in text vpn_warp_agent_start_timestamp_seconds)" = "$(answer '.since | fromdate')" ]
    [ "$(value_in text vpn_warp_agent_certificate_expire_timestamp_seconds)" = \
        "$(date -d "$(openssl x509 -noout -enddate -in alice/cert.pem | cut -d = -f 2)" +%s)" ]
    [ "$(value_in text "vpn_warp_agent_info{version=\"$(answer .program_version)\"}")" = 1 ]
    exec {held}>&-
    written_in_one_step agent.prom ask metrics
    is_metrics folder/agent.prom 13
}

@test "a relay that is away fails, and once where it is named twice" {
    start_agent agent alice 127.0.0.1:1 "127.0.0.1:$relay_port"
    wait_until 60 is '[.relays[].error] | map(type) | join(" ")' 'string string'
    ask metrics >text
    is_metrics text 12
    [ "$(value failing) $(value waiting)" = '1 0' ]
    run -1 value customer_expire_timestamp_seconds
    with_relay
    wait_until 60 is '.relays[0] | "\(.error) \(.waiting)"' 'null 2'
    ask metrics >text
    [ "$(value failing) $(value waiting)" = '0 2' ]
}

@test "where none runs the file stays; one that cannot be made is said to be so" {
    start_agent agent alice 127.0.0.1:1
    wait_until 60 is .pid "$(pid_of agent)"
    run -73 ask metrics --textfile nowhere/agent.prom
    [[ $output == 'relayagent: nowhere/agent.prom.'*': No such file or directory' ]]
    mkdir folder
    run -74 ask metrics --textfile folder
    [ "$(echo folder*)" = folder ]
    run -74 eval 'ask metrics >/dev/full'
    [ "$output" = 'relayagent: output: No space left on device' ]
    stop agent
    echo old >agent.prom
    run -69 ask metrics --textfile agent.prom
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == 'relayagent: no relayagent runs with this configuration, '* ]]
    [ "$(cat agent.prom)" = old ]
    [ "$(echo agent.prom*)" = agent.prom ]
}

@test "--textfile is for metrics alone, --json is not, and neither is a line of a file" {
    printf '%s\n' -n '-k alice/private.pem' '-c alice/cert.pem' '-a ca.pem' 127.0.0.1:1 127.0.0.1:1 >agent.conf
    local word
    for word in -t check status; do
        run -64 ask "$word" --textfile agent.prom
        [ "$output" = 'relayagent: --textfile is for metrics' ]
    done
    run -64 ask metrics --json
    [ "$output" = 'relayagent: --json is for check and status' ]
    [ ! -e agent.prom ]
    echo '--textfile agent.prom' >agent.conf
    run -78 ask -t
    [[ $output == 'relayagent: agent.conf:1: unknown option --textfile '* ]]
}
