#!/usr/bin/env bats
# A real browser as the client: Debian's chromium, with a client certificate in
# its NSS store, through the relay to a web server that knows but one Host.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/chromium

setup_file() {
    make_pki alice
}

setup() {
    needs_chromium
    prepare
    web_port=$(free_port)
}

# browses COMMAND...: once that is so of the agent, a browser does all of it.
browses() {
    make_store alice
    start_broker
    start_relay listen
    start web python3 -SB "$tests/lib/web.py" "$web_port" intra "$scratch/heads"
    wait_until 60 listening "$web_port"
    printf '%s\n' '-h intra' '-m 4' "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "127.0.0.1:$web_port" >agent.conf
    start agent bin/relayagent -C agent.conf
    wait_until 60 "$@"
    start_browser "https://127.0.0.1:$relay_port/"
    wait_until 250 grep -sE '^GET /result\?' heads
    grep -F 'GET /result?images=2&socket=there%20and%20back HTTP/1.1' heads
    [ "$(grep -c '^Host: ' heads)" -eq "$(grep -c '^Host: intra' heads)" ]
    grep -i '^Upgrade: websocket' heads
}

@test "a browser loads a page with images, and talks over a WebSocket" {
    browses says agent ' waiting '
}

@test "and so it does where the agent is parked" {
    configure 'park_after = 1'
    browses says_at_least agent 4 ' parked '
    says agent ' woken '
}
