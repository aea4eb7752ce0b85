#!/usr/bin/env bats
# The relay's own certificate that is out of date: who checks, starts or reloads
# is told, and not left to think that the clients are at fault.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/forge
load ../lib/customers

setup_file() {
    make_pki alice
    forge past "$(at '1 year ago')" "$(at yesterday)" serverAuth IP:127.0.0.1
    forge early "$(at tomorrow)" "$(at 'next year')" serverAuth IP:127.0.0.1
    forge old "$(at '1 year ago')" "$(at yesterday)" clientAuth
    forge short "$(at yesterday)" "$(at '13 days')" serverAuth IP:127.0.0.1
}

at() {
    date -u -d "$1" +%y%m%d%H%M%SZ
}

# presents NAME: the relay has this certificate.
presents() {
    cp "$scratch/$1"/*.pem "$scratch"
    give "$scratch"/*.pem
}

@test "-t refuses a certificate of the relay that is out of date" {
    local program
    for program in relay-listen relay-handler; do
        presents past
        run -78 "$scratch/bin/$program" -t -c relay.conf
        [[ $output == "$program: "*"cert.pem: expired at 20"*"Z; by this host's clock it is 20"* ]]
        presents early
        run -78 "$scratch/bin/$program" -t -c relay.conf
        [[ $output == "$program: "*"cert.pem: not valid before 20"*"Z; is this host's clock right? It shows 20"* ]]
        presents short
        run -0 "$scratch/bin/$program" -t -c relay.conf
    done
}

@test "a relay warns of its certificate at the start and at a reload, which fails then" {
    start_broker
    presents short
    start_relay listen
    wait_until 60 says relay ' expires what=certificate of=.*/cert.pem at=20[0-9T:-]+Z days=1[23]$'
    presents early
    run -1 ctl reload
    [[ $output == *'/cert.pem: not valid before '* ]]
    wait_until 60 says relay ' not-yet-valid what=certificate of=.*/cert.pem from=20[0-9T:-]+Z clock=20[0-9T:-]+Z$'
    presents past
    run -1 ctl reload
    [[ $output == *'/cert.pem: expired at '* ]]
    wait_until 60 says relay ' expired what=certificate of=.*/cert.pem at=20[0-9T:-]+Z$'
    says_times relay 3 ' (expires|expired|not-yet-valid) '
}

@test "a client that does not accept the relay's certificate is logged as one" {
    presents past
    start_relay listen
    s_client alice </dev/null || :
    wait_until 60 says relay " tls-refused .*reason=the_peer_refuses_our_certificate,_TLS_alert:_certificate_expired$"
}

@test "where both certificates are out of date, all three ask for the clock" {
    local question=",_and_so_is_ours:_is_this_host's_clock_right\?_It_shows_20[0-9T:-]+Z"
    presents past
    start_relay listen
    # one that does not look at the relay's
    timeout 60 openssl s_client -connect "127.0.0.1:$relay_port" -cert old/cert.pem -key old/private.pem \
        </dev/null 3>&- || :
    wait_until 60 says relay " tls-refused .*reason=certificate_has_expired$question subject=/CN=old "
    start_agent agent old 127.0.0.1:1
    wait_until 60 says agent " not-connected .*reason=TLS:_certificate_has_expired$question "
    run -75 "$scratch/bin/relay-stone" --stdio -q key=old/private.pem -q cert=old/cert.pem -q CAfile=ca.pem \
        "127.0.0.1:$relay_port/ssl,http" 1 'GET / HTTP/1.1' </dev/null
    [[ $output =~ reason=certificate_has_expired$question ]]
    # a certificate that alone is out of date is no reason to
    stop agent
    : >agent.log
    start_agent agent alice 127.0.0.1:1
    wait_until 60 says agent ' not-connected .*reason=TLS:_certificate_has_expired retry_ms='
}
