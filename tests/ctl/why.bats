#!/usr/bin/env bats
# What stands in somebody's way: relayctl why.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator

# why SUBJECT: its verdict is $verdict.
why() {
    run -0 ctl why "$1"
    verdict=${lines[-1]}
    [[ $verdict == 'verdict     '* ]]
    verdict=${verdict#verdict     }
    [ "$(ctl --json why "$1" | jq -r .why.verdict)" = "$verdict" ]
}

# says_of SUBJECT VERDICT: waits until the verdict begins so.
says_of() {
    wait_until 60 verdict_begins "$@" || {
        echo "$1: $verdict"
        return 1
    }
}

verdict_begins() {
    why "$1"
    [[ $verdict == "$2"* ]]
}

# changes LINE...: alice's section has these lines now.
changes() {
    : >customers
    customer alice "$@"
    ctl reload >/dev/null
}

@test "a customer is told of by name, by certificate, by file and by address" {
    start_relay listen
    local who everyone=(alice "$(fingerprint alice)" "$(identity alice)" alice/cert.pem "$client_address")
    for who in "${everyone[@]:0:4}"; do
        says_of "$who" 'no agent waits: a stone that comes now gets 503'
    done
    says_of "$client_address" 'never seen: '
    live
    for who in "${everyone[@]}"; do
        says_of "$who" 'well: '
        [[ $output == *' 1 sessions live'* ]]
    done
    [[ $output != *customer* ]]
    why alice
    [[ ${lines[0]} == 'customer    alice: allowed, both, 1 of 5 sessions, 1 of '*' agents, until 2037-12-31T23:59:59Z' ]]
    # without a section it is one of many, and its own is counted
    says_of "$(fingerprint bob)" 'well: 1 agent waits'
    [[ ${lines[0]} == 'customer    default: '* ]]
    says_of carol 'no customer has this name'
    go_on live
    ended_well live
}

@test "what the table says against a customer is the verdict" {
    start_relay listen
    changes 'allow = no'
    says_of alice "refused: This customer is not allowed: set allow = yes"
    changes 'expire = 2001-01-01'
    says_of alice/cert.pem "refused: This customer's time is over: set a later expire"
    changes 'nusers = 1'
    live
    says_of alice 'full: all 1 sessions are in use'
    go_on live
    ended_well live
    : >customers
    ctl reload
    says_of alice 'refused: This customer is no longer in the table'
}

@test "a certificate that is revoked is said to be, from the list or from what happened" {
    revoke alice
    stop broker
    configure 'crl = crl.pem'
    start_broker
    start_relay listen
    says_of alice/cert.pem 'refused: certificate revoked: '
    s_client alice <<<$'GET / HTTP/1.1\n' || :
    for who in alice "$(fingerprint alice)" "$(identity alice)" "$client_address"; do
        says_of "$who" 'refused: certificate revoked: the certificate is revoked for good'
    done
    run -66 ctl why missing.pem
}

@test "who finds no agent learns that, and how often it was" {
    stop broker
    configure 'match_timeout = 1'
    start_broker
    start_relay listen
    play <<'SCRIPT'
for _ in range(2):
    assert stone("alice").head().startswith(b"HTTP/1.1 503 No agent")
SCRIPT
    says_of alice 'refused: No agent is there for this certificate: no agent with this certificate waits'
    [[ $output == *"from $client_address:"*': 503 No agent is there for this certificate (2 times)'* ]]
}
