#!/usr/bin/env bats
# relayagent behind a corporate proxy: CONNECT, by option and by environment.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

setup() {
    prepare
    echo_port=$(free_port)
    proxy_port=$(free_port)
    unset https_proxy HTTPS_PROXY no_proxy NO_PROXY
    start echo socat "TCP4-LISTEN:$echo_port,fork,reuseaddr" EXEC:cat
    start_broker
    start_relay listen
}

# tinyproxy LINE...
tinyproxy_with() {
    printf '%s\n' "Port $proxy_port" 'Listen 127.0.0.1' 'Timeout 600' 'MaxClients 20' \
        "LogFile \"$scratch/tinyproxy.connects\"" 'LogLevel Connect' 'Allow 127.0.0.1' "$@" \
        >tinyproxy.conf
    start tinyproxy tinyproxy -d -c tinyproxy.conf
    wait_until 60 listening "$proxy_port"
}

# agent [LINE...]
agent() {
    printf '%s\n' -n "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "$@" "127.0.0.1:$echo_port" >agent.conf
    start agent bin/relayagent -C agent.conf
}

works() {
    wait_until 60 says agent ' waiting '
    play <<'SCRIPT'
client = stone("alice", GET + b"hello")
assert client.head() == OK and client.read(5) == b"hello"
client.close()
SCRIPT
}

went_through() {
    grep -q "CONNECT 127.0.0.1:$relay_port" tinyproxy.connects
}

@test "-x: through an HTTP proxy" {
    tinyproxy_with
    agent "-x 127.0.0.1:$proxy_port"
    works
    went_through
}

@test "-x and -X: with credentials from a file" {
    tinyproxy_with 'BasicAuth user secret'
    echo 'user:secret' >credentials
    chmod 600 credentials
    agent '-X credentials' "-x 127.0.0.1:$proxy_port"
    works
    went_through
}

@test "wrong credentials, and none, show in the log" {
    tinyproxy_with 'BasicAuth user secret'
    agent "-x 127.0.0.1:$proxy_port"
    wait_until 60 says agent " not-connected .* reason=proxy_127.0.0.1_port_$proxy_port:_refused:_407_"
}

@test "credentials that others can read are refused at their line" {
    echo 'user:secret' >credentials
    chmod 644 credentials
    printf '%s\n' '# a comment' '-X credentials' >agent.conf
    run -78 timeout 60 bin/relayagent -t -C agent.conf
    [[ $output =~ ^relayagent:\ agent.conf:2:\ credentials:\ .*chmod\ 600 ]]
}

@test "https_proxy and no_proxy, as curl reads them" {
    tinyproxy_with
    export https_proxy=http://127.0.0.1:$proxy_port/
    agent
    works
    went_through
    stop agent
    : >tinyproxy.connects
    : >agent.log
    export no_proxy=other.test,127.0.0.1
    agent
    works
    not went_through
}

@test "a proxy that is away, or no proxy at all, shows in the log" {
    agent "-x 127.0.0.1:$proxy_port"
    wait_until 60 says agent " not-connected .* reason=proxy_127.0.0.1_port_$proxy_port:_Connection_refused"
    stop agent
    : >agent.log
    agent "-x 127.0.0.1:$echo_port"
    wait_until 60 says agent " not-connected .* reason=proxy_127.0.0.1_port_$echo_port:_the_answer_is_not_HTTP"
}
