#!/usr/bin/env bats
# Proof is carried along between relays: what a client has shown to one of them the
# other's relay-keyd can see, and no relay can make a stone up.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/stones
load ../lib/shared
load ../lib/sealed
load ../lib/cluster

setup_file() {
    make_pki alice bob
    make_nodes tokyo osaka kyoto
    local name
    for name in tokyo osaka; do
        "$built/relay-ca" -d "$pki" server "$name.example.org" localhost 127.0.0.1 >/dev/null
    done
    "$built/relay-ca" -d "$pki" server other.example.org 127.0.0.1 >/dev/null
}

setup() {
    prepare
    cp "$built/../tests/proving" bin
    make_relays tokyo osaka
    is_root || skip 'needs root, for a user of handlers'
}

unproven='The relay has no proof of this certificate'

# requiring NAME...: these have a relay-keyd and take nobody without its voucher.
requiring() {
    local name
    with_keyd "$@"
    for name; do
        echo 'proof = require' >>"$name/relay.conf"
    done
}

# a_client RELAY NAME WORD...: tests/programs/proving.c as the handler there of this
# client.
a_client() {
    local relay=$1 name=$2
    shift 2
    (unprivileged bin/proving "$relay/relay.conf" "$name/cert.pem" "$name/private.pem" "$@" 3>&-)
}

# offer CERTIFICATE [WORD...]: as a relay that is hostile (node.py).
offer() {
    python3 -SB "$tests/lib/node.py" "${peer_of[osaka]}" "$nodes" kyoto "$@" 3>&-
}

# refused_stone WORDS REASON: what offer printed, and what osaka says of it.
refused_stone() {
    [ "$output" = "refused 3 403 $unproven" ]
    says osaka-peer " stone-refused node=kyoto .* reason=$1$"
}

nobody_took_it() {
    not says osaka-broker ' paired '
}

# ---- what is proven crosses ----------------------------------------------------

crosses() {
    agent_at osaka alice
    stone_at tokyo alice
    client session "$stone_port" alice 1000 1000
    wait_until 60 says osaka-broker ' paired .* stone_node=tokyo '
    not says tokyo-broker ' unproven '
    not says osaka-broker ' unproven '
}

@test "with proof required at both a session crosses, by one certificate at both" {
    requiring tokyo osaka
    start_relays
    crosses
}

@test "and sealed, by a certificate of each relay's own with a common name" {
    local name
    for name in tokyo osaka; do
        cp "$pki/server/$name.example.org/"{cert,private}.pem "$name"
        give "$name"
    done
    requiring tokyo osaka
    start_relays
    start_target target-alice whole alice
    at_relay osaka a_sealing_agent require "$target"
    at_relay tokyo a_sealing_stone require
    client session "$stone_port" alice 100000 100000
    wait_until 60 says osaka-broker ' session .* stone_node=tokyo .* seal=(sealed|bare) .* reason=done$'
    not says osaka-broker ' unproven '
}

@test "what has crossed announces itself to a broker that was started again" {
    requiring tokyo osaka
    start_relays
    live_crossing
    stop osaka-broker KILL || :
    start_one osaka broker relay-broker
    wait_until 60 in_session osaka
    not says osaka-broker ' unproven '
    stop client || :
}

@test "where the stone's relay has no relay-keyd its stones are refused, or taken and logged with proof = warn" {
    with_keyd osaka
    sed -i '$amatch_timeout = 2' tokyo/relay.conf
    start_relays
    agent_at osaka alice
    run -0 at_relay tokyo s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 503 '* ]]
    says osaka-broker " unproven .* node=tokyo identity=$(identity alice) result=refused reason=none$"
    says osaka-peer " turned-away node=tokyo .* status=403 reason=${unproven// /_}$"
    echo 'proof = warn' >>osaka/relay.conf
    node_ctl osaka reload
    stone_at tokyo alice
    client session "$stone_port" alice 1000 1000
    says osaka-broker ' unproven .* node=tokyo .* result=taken reason=none$'
}

@test "where the agent's relay has no relay-keyd what is carried along is not asked for" {
    requiring tokyo
    start_relays
    crosses
}

@test "a client of TLS 1.2 has nothing that is carried along" {
    requiring osaka
    with_keyd tokyo
    printf '%s\n' 'tls_min = 1.2' 'match_timeout = 2' >>tokyo/relay.conf
    start_relays
    agent_at osaka alice
    run -0 at_relay tokyo s_client alice -tls1_2 <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 503 '* ]]
    says osaka-broker ' unproven .* node=tokyo .* result=refused reason=none$'
}

@test "a relay of the version before is offered a stone without its proof, and one of this with it" {
    rm -r tokyo osaka
    make_relays tokyo kyoto
    requiring tokyo
    start_relays tokyo
    local version
    for version in 1 2; do
        : >kyoto.log
        start kyoto python3 -SB "$tests/lib/node.py" "${peer_of[kyoto]}" "$nodes" kyoto --serve --version "$version"
        await_start kyoto listening "${peer_of[kyoto]}"
        at_relay tokyo start_play stone <<<'stone("alice").end()'
        wait_until 60 says kyoto '^head$'
        stop kyoto || :
        stop stone || :
        [ "$version" = 1 ] || continue
        says kyoto '^open 1 0$'
    done
    says kyoto '^open 2 [1-9][0-9]{3}$'
}

@test "without relay-keyd there nothing crosses, and says so; sessions do again once it is back" {
    requiring tokyo osaka
    start_relays
    agent_at osaka alice
    stop osaka-keyd
    sed -i '$amatch_timeout = 2' tokyo/relay.conf
    node_ctl tokyo reload
    run -0 at_relay tokyo s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 503 No agent is here, and relay osaka cannot be reached'* ]]
    says osaka-peer ' stone-refused node=tokyo .*is_relay-keyd_running'
    says tokyo-peer ' no-agent-there node=osaka .* status=503 reason=The_relay_cannot_check_a_proof_now$'
    start_one osaka keyd relay-keyd
    stone_at tokyo alice '--sessions 0'
    wait_until 60 client session "$stone_port" alice 1000 1000
}

# ---- what is not does not ----------------------------------------------------------

@test "a relay that claims a certificate without a proof, be it by the version before, is refused" {
    requiring osaka
    start_relays osaka
    agent_at osaka alice
    local version
    for version in 1 2; do
        run -0 offer alice/cert.pem --version "$version"
        [ "$output" = "refused 2 403 $unproven" ]
    done
    says_times osaka-broker 2 " unproven .* node=kyoto identity=$(identity alice) result=refused reason=none$"
    nobody_took_it
}

@test "a stone's own proof holds, but of no other certificate, and with no byte changed" {
    requiring tokyo osaka
    start_relays
    agent_at osaka alice
    a_client tokyo alice handshake save hers
    a_client tokyo bob handshake save his
    run -0 offer alice/cert.pem --proof his
    refused_stone its_proof_is_none_of_this_certificate
    a_client tokyo alice load hers spoil save spoilt
    run -0 offer alice/cert.pem --proof spoilt
    refused_stone relay-keyd_refuses:_the_client_has_not_signed_this
    # in the random number of the ClientHello, which only the server's is over, too
    python3 -c '
import sys
messages = bytearray(open("hers", "rb").read())
messages[20] ^= 1
open("changed", "wb").write(messages)'
    run -0 offer alice/cert.pem --proof changed
    refused_stone relay-keyd_refuses:_its_relay_has_not_signed_this
    head -c 100 hers >short
    run -0 offer alice/cert.pem --proof short
    refused_stone its_proof_is_none_of_this_certificate
    nobody_took_it
    run -0 offer alice/cert.pem --proof hers
    [[ $output == *ready* ]]
}

@test "a handshake with a server that is no relay of ours proves nothing" {
    requiring osaka
    start_relays osaka
    agent_at osaka alice
    mkdir rogue
    cp relay.conf ca.pem rogue
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -days 1 -keyout rogue/private.pem -out rogue/cert.pem 2>/dev/null
    proves_nothing
    # of the same authority, but for another name; and for that, but of a client
    cp "$pki"/server/other.example.org/{cert,private}.pem rogue
    proves_nothing
    openssl req -new -key rogue/private.pem -subj /CN=localhost -out rogue/new.csr
    openssl x509 -req -in rogue/new.csr -CA "$pki/ca.pem" -CAkey "$pki/private/ca.pem" -days 1 \
        -extfile <(printf '%s\n' extendedKeyUsage=clientAuth subjectAltName=DNS:localhost) -out rogue/cert.pem
    proves_nothing
    openssl x509 -req -in rogue/new.csr -CA "$pki/ca.pem" -CAkey "$pki/private/ca.pem" -days 1 \
        -extfile <(printf '%s\n' extendedKeyUsage=serverAuth subjectAltName=DNS:localhost) -out rogue/cert.pem
    give rogue
    a_client rogue alice handshake save messages
    run -0 offer alice/cert.pem --proof messages
    [[ $output == *ready* ]]
}

proves_nothing() {
    give rogue
    a_client rogue alice handshake save messages
    run -0 offer alice/cert.pem --proof messages
    refused_stone relay-keyd_refuses:_it_was_no_handshake_with_a_relay_of_ours
    nobody_took_it
    : >osaka-peer.log
}

@test "a handshake proves for as long as a stone may wait, and a minute" {
    requiring tokyo osaka
    start_relays
    agent_at osaka alice
    local seconds
    for seconds in 3600 -3600; do
        a_client tokyo alice clock "$seconds" handshake save messages
        run -0 offer alice/cert.pem --proof messages
        refused_stone relay-keyd_refuses:_it_was_not_just_now,_by_the_clock_of_its_relay
        : >osaka-peer.log
    done
    nobody_took_it
    a_client tokyo alice clock -30 handshake save messages
    run -0 offer alice/cert.pem --proof messages
    [[ $output == *ready* ]]
}

# ---- who is vouched to ---------------------------------------------------------------

@test "only relay-peer's user can have relay-keyd look at another relay's handshake" {
    requiring tokyo osaka
    start_relays
    a_client tokyo alice handshake save messages
    chmod a+rX . osaka alice
    chmod a+r messages osaka/*.* alice/*
    run -0 setpriv --reuid="$handler_user" --regid="$relay_group" --clear-groups \
        bin/proving osaka/relay.conf alice/cert.pem alice/private.pem load messages witness 3>&-
    [ "$output" = 'relay-keyd refuses: what another relay says is for relay-peer alone' ]
    run -0 a_client osaka alice load messages witness
    [ "$output" = proven ]
}

@test "a voucher for a client that is here is none for a stone elsewhere, nor the other way round" {
    requiring tokyo osaka
    start_relays
    a_client tokyo alice handshake save messages
    run -0 a_client osaka alice load messages witness register view announce elsewhere
    [ "$output" = $'proven\n'"$unproven"$'\n'"$unproven"$'\n'"$unproven"$'\nwelcome' ]
    run -0 a_client osaka alice handshake prove elsewhere register
    [ "$output" = $'proven\n'"$unproven"$'\nwelcome' ]
    # nor is it one for another process
    run -0 a_client osaka alice load messages witness keep voucher
    run -0 a_client osaka alice take voucher elsewhere
    [ "$output" = "$unproven" ]
}

@test "a relay-keyd whose relay.conf has no other relays vouches for none of theirs" {
    requiring tokyo
    start_relays tokyo
    a_client tokyo alice handshake save messages
    start_keyd
    run -0 a_client . alice load messages witness
    [ "$output" = 'relay-keyd refuses: there are no other relays, by relay.conf' ]
}
