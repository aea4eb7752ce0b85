#!/usr/bin/env bats
# A certificate has other valid encodings, which its owner can make without the
# authority's key: they are the same certificate, or none.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/customers

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    no_customers
    twin alice s twin
}

teardown() {
    end_all
}

# encoding WHAT: of lib/twin.py, of the certificate on stdin.
encoding() {
    python3 -SB "$tests/lib/twin.py" "$1"
}

# twin NAME HOW TWIN: TWIN becomes a client with another encoding of NAME's.
twin() {
    mkdir "$3"
    cp "$1/private.pem" "$3"
    encoding "$2" <"$1/cert.pem" >"$3/cert.pem"
    give "$3"
}

@test "the two forms of an ECDSA signature are valid, and have two fingerprints" {
    openssl verify -CAfile ca.pem alice/cert.pem twin/cert.pem
    [ "$(fingerprint alice)" != "$(fingerprint twin)" ]
    [ "$(identity alice)" = "$(identity twin)" ]
}

# turned_away CLIENT STATUS: whether alice's section, by whichever form, is found.
turned_away() {
    run s_client "$1" <<<$'GET / HTTP/1.1\n'
    [[ $output == *"HTTP/1.1 $2 "* ]]
}

@test "a customer who is not allowed, or whose time is over, is so with each form" {
    configure 'match_timeout = 1'
    customer alice 'allow = no'
    start_broker
    start_relay listen
    turned_away alice 403
    turned_away twin 403
    turned_away bob 503
    # the table may name the other form, and what the relay itself calls it
    for name in "$(fingerprint twin)" "sha256:$(identity alice)"; do
        printf '%s\n' '[alice]' "certificate = $name" 'expire = 2001-01-01' >customers
        ctl reload
        turned_away alice 403
        turned_away twin 403
        turned_away bob 503
    done
}

@test "nusers holds for all forms together, and they meet" {
    customer alice 'nusers = 1'
    start_broker
    start_relay listen
    play <<'SCRIPT'
agent, client = session("alice")
poll("twin")
assert b" 429 " in stone("twin").head()
assert b" 429 " in stone("alice").head()
SCRIPT
}

@test "without a table an agent and a stone with two forms meet" {
    start_broker
    start_relay listen
    play <<'SCRIPT'
agent = poll("alice")
client = stone("twin")
head_of_stone(agent)
agent.send(OK)
assert client.head() == OK
SCRIPT
    wait_until 60 says broker " session .*identity=$(identity alice) "
}

has_agents() {
    [ "$(status_of agents)" -eq "$1" ]
}

@test "kick by a fingerprint of either form, or by the identity, ends all forms" {
    start_broker
    start_relay listen
    start_play polls <<'SCRIPT'
for n in range(3):
    peers = [poll("alice"), poll("twin")]
    at_point("waiting%d" % n)
    for peer in peers:
        peer.rest()
SCRIPT
    n=0
    for name in "$(fingerprint alice)" "$(fingerprint twin)" "$(identity alice)"; do
        await_point polls "waiting$n"
        wait_until 60 has_agents 2
        run -0 ctl kick "$name"
        go_on "waiting$n"
        n=$((n + 1))
    done
    ended_well polls
    says_times broker 6 " kicked .*identity=$(identity alice) "
}

@test "an encoding that is not strict DER, or names two algorithms, is refused" {
    for how in long behind bits outer; do
        encoding "$how" <alice/cert.pem | sed '1d;$d' | base64 -d >"$how.der"
        run -0 "$built/../tests/certificate" <"$how.der"
        [ "$output" = refused ]
    done
    run -0 "$built/../tests/certificate" <alice/cert.pem
    [ "$output" = refused ]
}

@test "the forms of certificates of P-256, P-384, P-521, Ed25519 and RSA are known" {
    local key forms
    while read -r forms key; do
        # shellcheck disable=SC2086
        openssl req -x509 -newkey $key -nodes -subj /CN=x -keyout x.key -out x.pem 2>/dev/null
        openssl x509 -in x.pem -outform DER >x.der
        run -0 "$built/../tests/certificate" <x.der
        [ "${#lines[@]}" -ge "$forms" ]
        [ "${lines[0]}" = "$(encoding identity <x.pem)" ]
        [ "${lines[1]}" = "$(encoding fingerprint <x.pem)" ]
        if [ "$forms" -gt 2 ]; then
            encoding s <x.pem >twin.pem
            openssl verify -CAfile twin.pem -check_ss_sig twin.pem
            [[ $output == *"$(encoding fingerprint <twin.pem)"* ]]
        fi
    done <<'KEYS'
3 ec -pkeyopt ec_paramgen_curve:P-256
3 ec -pkeyopt ec_paramgen_curve:P-384
3 ec -pkeyopt ec_paramgen_curve:P-521
2 ed25519
2 rsa:2048
KEYS
}
