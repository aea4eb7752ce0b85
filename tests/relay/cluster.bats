#!/usr/bin/env bats
# Several relays: a stone at one meets an agent at another.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/cluster

setup_file() {
    make_pki alice bob
    make_nodes tokyo osaka kyoto
    "$built/relay-ca" -d "$nodes" node stranger >/dev/null
}

setup() {
    prepare
    make_relays tokyo osaka
}

@test "a stone at one relay has whole sessions with an agent at another, and nothing is left of them" {
    start_relays
    agent_at osaka alice
    stone_at tokyo alice '--sessions 0'
    client session "$stone_port" alice $((4 << 20)) $((4 << 20))
    client sessions "$stone_port" alice 10 5
    not says target-alice spoilt
    wait_until 60 says tokyo-broker ' session .* agent_node=osaka .* reason=done$'
    wait_until 60 says osaka-broker ' session .* stone_node=tokyo .* reason=done$'
    says tokyo-peer ' crossing-out .* node=osaka '
    says osaka-peer ' crossing-in .* node=tokyo '
    [ "$(node_status tokyo crossing_out_total)" -ge 11 ]
    [ "$(node_status osaka crossing_in_total)" -ge 11 ]
    wait_until 60 no_crossings tokyo
    wait_until 60 no_crossings osaka
}

# no_crossings NAME: its relay-peer has no process any more, nor its broker a
# session.
no_crossings() {
    local pid children
    read_pid "$1-peer"
    children_of "$pid"
    [ ${#children[@]} -eq 0 ] && [ "$(node_status "$1" sessions)" -eq 0 ]
}

@test "an agent that is here is taken, and no other relay is asked" {
    start_relays
    agent_at osaka alice
    stop agent-alice
    at_relay tokyo start_agent agent-alice alice "$target"
    wait_until 60 agents_wait tokyo 2
    stone_at tokyo alice
    client sessions "$stone_port" alice 3 1
    [ "$(node_status tokyo crossing_out_total)" -eq 0 ]
    [ "$(node_status tokyo reach_total)" -eq 0 ]
}

@test "relayctl says where a session goes, and its kick ends both halves" {
    start_relays
    start_target target whole alice
    at_relay osaka start_agent agent alice "$target" "-m 2:2"
    wait_until 60 agents_wait osaka 2
    stone_at tokyo alice '--sessions 0'
    start client socat -u "TCP:localhost:$stone_port" "CREATE:$scratch/got"
    wait_until 60 in_session tokyo
    wait_until 60 in_session osaka
    [ "$(node_ctl tokyo --json sessions | jq -r '.sessions[0].agent_relay')" = osaka ]
    [ "$(node_ctl osaka --json sessions | jq -r '.sessions[0].stone_relay')" = tokyo ]
    node_ctl tokyo sessions | grep -E ' 127\.0\.0\.1:[0-9]+@osaka '
    node_ctl tokyo status | grep '^relays     relay-peer attached, '
    node_ctl tokyo metrics | grep '^vpn_warp_relay_crossing_out_total [1-9]'
    node_ctl osaka metrics | grep '^vpn_warp_relay_crossing_in_total [1-9]'
    # the slot is where the stone is
    [ "$(node_ctl osaka --json customers | jq '[.customers[].sessions] | add')" -eq 0 ]
    node_ctl osaka kick "$(node_ctl osaka --json sessions | jq -r '.sessions[0].id')"
    await_end client || :
    wait_until 60 no_crossings tokyo
    wait_until 60 no_crossings osaka
    says osaka-broker ' session .* reason=kicked$'
}

@test "nobody anywhere is a 503 in match_timeout, and a certificate meets its own alone" {
    sed -i '$amatch_timeout = 2' tokyo/relay.conf osaka/relay.conf
    start_relays
    agent_at osaka bob
    run -0 at_relay tokyo s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 503 No agent is there for this certificate'* ]]
    says osaka-peer ' turned-away node=tokyo .* status=503 '
    wait_until 60 no_crossings tokyo
    [ "$(node_status tokyo crossing_out_total)" -eq 0 ]
}

@test "an agent that comes elsewhere while a stone waits is found" {
    start_relays
    stone_at tokyo alice
    start_target target-alice whole alice
    start_client client session "$stone_port" alice 1000 1000
    wait_until 60 says osaka-peer ' turned-away '
    at_relay osaka start_agent agent-alice alice "$target"
    ended_whole client
}

@test "a relay that is away is passed over, and said" {
    make_relays_again tokyo kyoto osaka
    start_relays tokyo osaka
    agent_at osaka alice
    stone_at tokyo alice
    client sessions "$stone_port" alice 5 1
    not says target-alice spoilt
    wait_until 60 some_failed
}

@test "a stone that finds nobody is told which relay could not be reached" {
    make_relays_again tokyo kyoto osaka
    sed -i '$amatch_timeout = 2' tokyo/relay.conf
    start_relays tokyo osaka
    run -0 at_relay tokyo s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 503 No agent is here, and relay kyoto cannot be reached'* ]]
    [[ $output == *'X-Reason: No agent is here, and relay kyoto cannot be reached'* ]]
    says tokyo-relay ' refused status=503 reason=No_agent_is_here,_and_relay_kyoto_cannot_be_reached '
    # nor is it asked again at once, and the next stone is told all the same
    run -0 at_relay tokyo s_client bob <<<$'GET / HTTP/1.1\n'
    [[ $output == *'X-Reason: No agent is here, and relay kyoto cannot be reached'* ]]
}

make_relays_again() {
    rm -r tokyo osaka
    make_relays "$@"
}

# by chance osaka is asked first; a stone without agent asks all
some_failed() {
    says tokyo-peer ' node-failed node=kyoto ' ||
        { at_relay tokyo s_client bob <<<$'GET / HTTP/1.1\n' >/dev/null && false; }
}

@test "an agent that is parked is woken for a stone from another relay, and keeps one here from looking elsewhere" {
    sed -i '$apark_after = 1' osaka/relay.conf
    start_relays
    agent_at osaka alice
    wait_until 60 all_parked osaka
    stone_at tokyo alice
    client session "$stone_port" alice 1000 1000
    says osaka-broker ' woken '
    wait_until 60 all_parked osaka
    stone_at osaka alice
    client session "$stone_port" alice 1000 1000
    not says target-alice spoilt
    [ "$(node_status osaka reach_total)" -eq 0 ]
}

all_parked() {
    [ "$(node_status "$1" parked)" -eq 2 ]
}

@test "a stone is not left to an agent that is kicked while it is being parked" {
    sed -i '$apark_after = 1\nmatch_timeout = 60' tokyo/relay.conf
    start_relays
    agent_at osaka alice
    at_relay tokyo start_play leaving <<'SCRIPT'
from park import *
agent = willing("alice")
assert agent.end() == "clean"
at_point("leaving")
SCRIPT
    await_point leaving leaving
    stone_at tokyo alice '--sessions 0'
    start_client client session "$stone_port" alice 1000 1000
    wait_until 60 stone_waits tokyo
    # after 10 seconds it is gone by itself
    node_ctl tokyo kick "$(node_ctl tokyo --json agents | jq -r '.agents[0].id')" || :
    ended_whole client
    go_on leaving
    ended_well leaving
}

# ---- who is no relay ----------------------------------------------------------

# as_node CERTIFICATE KEY [OPTION...]: TLS to osaka's relay-peer, and what it
# says.
as_node() {
    local certificate=$1 key=$2
    shift 2
    timeout 60 openssl s_client -connect "127.0.0.1:${peer_of[osaka]}" -servername osaka \
        -CAfile "$nodes/ca.pem" -cert "$certificate" -key "$key" -tls1_3 -quiet "$@" 2>&1 3>&-
}

@test "a client's certificate, a revoked node's, another protocol and no frame are refused, and logged" {
    cp -r "$nodes" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" revoke stranger >/dev/null
    cp "$scratch.ca/crl.pem" osaka/node-crl.pem
    give osaka
    start_relays osaka
    run as_node alice/cert.pem alice/private.pem -alpn vpn-warp-peer/1 </dev/null
    wait_until 60 says osaka-peer ' node-refused .*reason=unable_to_get_(local_)?issuer_certificate|node-refused .*reason=unable_to_verify'
    run as_node "$nodes"/node/stranger/{cert,private}.pem -alpn vpn-warp-peer/1 </dev/null
    wait_until 60 says osaka-peer ' node-refused .*reason=certificate_revoked'
    run as_node "$nodes"/node/kyoto/{cert,private}.pem -alpn http/1.1 </dev/null
    wait_until 60 says osaka-peer ' node-refused .*reason=no_application_protocol'
    run as_node "$nodes"/node/kyoto/{cert,private}.pem -alpn vpn-warp-peer/1 <<<'GET / HTTP/1.1'
    wait_until 60 says osaka-peer ' node-refused node=kyoto .*reason=it_does_not_open_as_a_relay_does'
    node_ctl osaka status
}

@test "a relay that is revoked loses its crossings that live, be it the stone's or the agent's" {
    local case
    start_relays
    start_target target whole alice
    at_relay osaka start_agent agent alice "$target" "-m 2:2"
    wait_until 60 agents_wait osaka 2
    stone_at tokyo alice '--sessions 0'
    for case in 'tokyo osaka' 'osaka tokyo'; do
        start client socat -u "TCP:localhost:$stone_port" "CREATE:$scratch/got"
        wait_until 60 in_session tokyo
        wait_until 60 in_session osaka
        read -r gone at <<<"$case"
        revoke_node "$gone" "$at"
        wait_until 60 says "$at-peer" " node-ended node=$gone pid=[0-9]+ reason=certificate_revoked$"
        not says "$at-peer" ' crossing-killed '
        await_end client || :
        wait_until 60 no_crossings tokyo
        wait_until 60 no_crossings osaka
        cp "$nodes/crl.pem" "$at/node-crl.pem"
        wait_until 60 says_at_least "$at-peer" 2 ' reloaded$'
        wait_until 60 agents_wait osaka 2
    done
}

@test "a crossing with a relay that is not revoked lives through a new list" {
    start_relays
    live_crossing
    revoke_node stranger osaka
    wait_until 60 says osaka-peer ' reloaded$'
    in_session osaka
    not says osaka-peer ' node-ended '
    stop client || :
}

# offer CERTIFICATE KEY DER [ANSWER]: as a node that has this client's
# certificate from somewhere; prints the types of the frames that come.
offer() {
    python3 -SB "$tests/lib/node.py" "${peer_of[osaka]}" "$nodes" kyoto "$@" 3>&-
}

@test "a stone of a certificate that is revoked, or of no authority of ours, is refused by the agent's relay" {
    start_relays osaka
    agent_at osaka alice
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=alice \
        -days 1 -keyout own.key -out own.pem 2>/dev/null
    run -0 offer own.pem
    [[ $output == *'refused 3 403 Certificate: '* ]]
    says osaka-peer ' stone-refused node=kyoto '
    revoke bob
    cp crl.pem osaka/crl.pem
    sed -i '$acrl = crl.pem' osaka/relay.conf
    node_ctl osaka reload
    run -0 offer bob/cert.pem
    [[ $output == *'refused 3 403 Certificate: certificate revoked'* ]]
}

@test "relays whose tables of customers differ join nobody" {
    start_relays osaka
    agent_at osaka alice
    run -0 offer alice/cert.pem --key somebody
    [[ $output == *"refused 2 503 The relays' tables of customers differ"* ]]
}

@test "what behind OPEN is no head of a stone ends it, and the agent waits on" {
    start_relays osaka
    agent_at osaka alice
    run -0 offer alice/cert.pem --head 'GET /KLAB/poll HTTP/1.1'
    [[ $output == *ready* ]]
    [[ $output != *taken* ]]
    wait_until 60 says osaka-peer ' node-refused node=kyoto .*no_request_head_of_a_stone'
    wait_until 60 agents_wait osaka 2
    run -0 offer alice/cert.pem --head 'GET / HTTP/1.1'
    [[ $output == *taken* ]]
}

# ---- without it -----------------------------------------------------------------

@test "without a line of relay.conf relay-peer does not start, and the others need nothing of it" {
    start_relay_alone
    run -78 "$scratch/bin/relay-peer" -c relay.conf
    [[ $output == *'no peer line, and no peer_listen' ]]
    not says broker peer
    [ "$(status_of peer_pid)" = null ]
}

start_relay_alone() {
    start_broker
    start_relay listen
}

@test "relay-peer away and back: the broker asks it for stones that wait already" {
    start_relays
    agent_at osaka alice
    stop tokyo-peer
    stone_at tokyo alice '--sessions 0'
    start_client client session "$stone_port" alice 1000 1000
    wait_until 60 stone_waits tokyo
    start_one tokyo peer relay-peer
    ended_whole client
}

stone_waits() {
    [ "$(node_status "$1" stones)" -eq 1 ]
}
