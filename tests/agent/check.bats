#!/usr/bin/env bats
# "relayagent check": each thing that can be wrong is told in a sentence of its own,
# with what to do.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/checks
load ../lib/clients
load ../lib/customers
load ../lib/faults
load ../lib/forge

setup_file() {
    build_shim
    make_pki alice bob
    forge early "$(at tomorrow)" "$(at 'next year')" clientAuth
    forge short "$(at yesterday)" "$(at '13 days')" clientAuth
    another_ca
    expired_ca
}

setup() {
    prepare
    unset https_proxy HTTPS_PROXY no_proxy NO_PROXY
    name=alice ca=$scratch/ca.pem
}

at() {
    date -u -d "$1" +%y%m%d%H%M%SZ
}

# another_ca: of another relay, below $BATS_FILE_TMPDIR/other.
another_ca() {
    "$built/relay-ca" -d "$BATS_FILE_TMPDIR/other" init
    "$built/relay-ca" -d "$BATS_FILE_TMPDIR/other" client alice
}

# expired_ca: with our CA's name and key, but of yesterday.
expired_ca() {
    mkdir "$BATS_FILE_TMPDIR/expired"
    (
        cd "$BATS_FILE_TMPDIR/expired" || return
        : >index
        printf '%s\n' '[ca]' 'default_ca = test' '[test]' 'database = index' \
            'new_certs_dir = .' 'rand_serial = yes' 'default_md = sha256' 'policy = any' \
            'preserve = yes' '[any]' 'commonName = supplied' '[root]' \
            'basicConstraints = critical, CA:TRUE' 'keyUsage = keyCertSign, cRLSign' \
            'subjectKeyIdentifier = hash' >conf
        openssl x509 -x509toreq -in "$pki/ca.pem" -signkey "$pki/private/ca.pem" -out request.pem
        openssl ca -config conf -batch -notext -selfsign -extensions root \
            -keyfile "$pki/private/ca.pem" -startdate "$(at '2 years ago')" \
            -enddate "$(at yesterday)" -in request.pem -out ca.pem
    ) 2>/dev/null
}

# check [OPTION...] RELAY TARGET...: with the certificate $name and the authorities
# $ca, in the words of the command line.
check() {
    "${wrapper[@]}" timeout 100 bin/relayagent check -n -k "$name/private.pem" \
        -c "$name/cert.pem" -a "$ca" "$@" 3>&-
}

a_target() {
    start_target target whole alice
}

@test "all is well: a line a step, and nothing was registered for it" {
    with_relay
    a_target
    run -0 check "127.0.0.1:$relay_port" "$target" "db=$target"
    all_well configuration key certificate name tcp tls identity poll clock target
    [ "${#lines[@]}" -eq 11 ]
    [[ $output == *' tls '*'TLSv1.3, '*', TLS_AES_'*'of "VPN-Warp relay CA"'* ]]
    [[ $output == *' poll '*': 256 sessions at a time, type both, until never '* ]]
    says relay ' checked peer=127\.0\.0\.1:[0-9]+ identity=[0-9a-f]+$'
    not says relay ' agent-waits '
    assert_back_to_baseline
}

@test "--json: the same for programs, and the result and status of all" {
    with_relay
    a_target
    run -0 check --json "127.0.0.1:$relay_port" "$target"
    [ "$(jq -r '.version, .program, .result, .status, (.steps | length)' <<<"$output" | xargs)" = \
        '1 relayagent ok 0 10' ]
    [ "$(jq -r '.steps[] | select(.step == "poll") | .of' <<<"$output")" = "127.0.0.1:$relay_port" ]
    run -69 check --json "127.0.0.1:$(free_port)" "$target"
    [ "$(jq -r '.result, .status' <<<"$output" | xargs)" = 'fail 69' ]
    [ "$(jq -r '.steps[] | select(.result == "fail") | .step' <<<"$output")" = tcp ]
    jq -e '.steps[] | select(.step == "tcp") | .do' <<<"$output"
}

@test "an agent that runs is not disturbed, and its file is what is checked" {
    with_relay
    a_target
    start_waiting_agent agent alice "$target" "$steady"
    run -0 bin/relayagent check -C agent.conf
    all_well configuration poll target
    says_times agent 2 ' waiting '
    [ "$(status_of agents)" -eq 2 ]
}

@test "the customer's limits are told, but not how many agents are there" {
    give_limits() {
        printf '%s\n' "[acme]" "certificate = $(fingerprint alice)" "$@" >customers
        give customers
        ctl reload
    }
    printf '%s\n' '[acme]' "certificate = $(fingerprint alice)" 'nusers = 3' 'max_agents = 2' >customers
    give customers
    with_relay 'customers = customers'
    a_target
    start_waiting_agent agent alice "$target" "$steady"
    run -0 check "127.0.0.1:$relay_port" "$target"
    [[ $output == *' poll '*': 3 sessions at a time, type both, until never '* ]]
    give_limits 'type = 2'
    run -0 check "127.0.0.1:$relay_port" "$target"
    told warn poll 'the customer may not do this (forward): its type is web' "ask the relay's owner"
    give_limits "expire = $(date -u -d '10 days' +%F)"
    run -0 check "127.0.0.1:$relay_port" "$target"
    told warn poll "the customer's time ends in 10 days, at 20" "ask the relay's owner"
    give_limits 'expire = 2020-01-01'
    run -77 check "127.0.0.1:$relay_port" "$target"
    told fail poll "the relay refuses: 403 This customer's time is over" "ask the relay's owner"
    give_limits 'allow = no'
    run -77 check "127.0.0.1:$relay_port" "$target"
    told fail poll 'the relay refuses: 403 This customer is not allowed' "ask the relay's owner"
}

@test "nothing listens, a name that is not found, a target that is not there" {
    with_relay
    run -69 check "127.0.0.1:1" "127.0.0.1:$relay_port"
    told fail tcp '127.0.0.1 port 1: IPv4 127.0.0.1 Connection refused' 'nothing listens there'
    all_well target
    run -68 check "nowhere.invalid:443" "127.0.0.1:$relay_port"
    told fail name 'nowhere.invalid is not found: ' '/etc/resolv.conf'
    run -69 check "127.0.0.1:$relay_port" "127.0.0.1:1"
    all_well poll
    told fail target 'not reached: 127.0.0.1 port 1: Connection refused' 'whether the service runs'
}

@test "a web server in the relay's place: without TLS, with it, and one that asks for a certificate" {
    local plain https mutual
    plain=$(free_port) https=$(free_port) mutual=$(free_port)
    start plain python3 -m http.server --bind 127.0.0.1 "$plain"
    start https openssl s_server -accept "127.0.0.1:$https" -cert cert.pem -key private.pem -www
    start mutual openssl s_server -accept "127.0.0.1:$mutual" -cert cert.pem -key private.pem \
        -Verify 2 -CAfile ca.pem -www
    wait_until 60 listening "$plain"
    wait_until 60 listening "$https"
    wait_until 60 listening "$mutual"
    run -76 check "127.0.0.1:$plain" "127.0.0.1:$plain"
    told fail tls 'does not speak TLS, as a web server without it' 'whether the port is right'
    run -76 check "127.0.0.1:$https" "127.0.0.1:$plain"
    told fail tls 'asks for no client certificate: it is a web server, not a relay' 'host and port'
    run -76 check "127.0.0.1:$mutual" "127.0.0.1:$plain"
    told fail poll 'what answers is a web server, not a relay' 'host and port'
}

@test "a company's proxy that opens TLS is called so by name, trusted or not" {
    local port
    port=$(free_port)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout inspector.key \
        -out inspector.pem -days 9 -subj '/O=Zscaler Inc./CN=Zscaler Root CA' 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout forged.key \
        -out forged.csr -subj /CN=relay 2>/dev/null
    openssl x509 -req -in forged.csr -CA inspector.pem -CAkey inspector.key -out forged.pem \
        -days 9 -extfile <(echo 'subjectAltName = IP:127.0.0.1') 2>/dev/null
    start inspector openssl s_server -accept "127.0.0.1:$port" -cert forged.pem -key forged.key -www
    wait_until 60 listening "$port"
    for ca in ca.pem inspector.pem; do
        run -77 check "127.0.0.1:$port" "127.0.0.1:$port"
        told fail tls "a company's proxy intercepts TLS to 127.0.0.1: what answers has a certificate of \"Zscaler Root CA\"" \
            'an exception from TLS inspection'
    done
}

@test "the authority of another relay, and one that has expired" {
    with_relay
    ca=$BATS_FILE_TMPDIR/other/ca.pem
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail tls 'the certificate of 127.0.0.1 is issued by another "VPN-Warp relay CA" than the one that is trusted here' \
        "name the ca.pem of this relay's owner"
    ca=$BATS_FILE_TMPDIR/expired/ca.pem
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail tls 'the authority "VPN-Warp relay CA" expired at 20' 'get the new ca.pem'
}

@test "a certificate that the relay does not know, or that was revoked: the alert in words" {
    revoke bob
    with_relay 'crl = crl.pem'
    cp -r "$BATS_FILE_TMPDIR/other/client/alice" stranger
    name=stranger
    run -77 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail identity 'it does not know the authority that has issued our certificate (TLS alert: unknown CA)' \
        "use the certificate that this relay's owner has made"
    name=bob
    run -77 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail identity 'our certificate was revoked (TLS alert: certificate revoked)' \
        "ask the relay's owner for a new certificate"
}

@test "the relay by a name that its certificate lacks" {
    needs_own_names
    with_relay
    echo '127.0.0.1 other.test' >>hosts
    wrapper=(in_own_names)
    run -78 check "other.test:$relay_port" "127.0.0.1:$relay_port"
    told fail tls "the relay's certificate is not for other.test, but for IP Address:127.0.0.1, DNS:localhost" \
        'write the relay by a name that its certificate has'
}

# in_own_names COMMAND...: for check.
in_own_names() {
    (knows_names "$@")
}

@test "IPv6 that is broken costs time, and is told" {
    needs_own_names
    [ -e /proc/net/if_inet6 ] || skip 'needs IPv6'
    with_relay
    echo '::1 localhost' >>hosts
    wrapper=(in_own_names)
    run -0 check "localhost:$relay_port" "127.0.0.1:$relay_port"
    told warn tcp 'IPv6 ::1 Connection refused' 'IPv6 does not work: each connection waits for it in vain'
    all_well name tls poll
}

@test "a proxy: its way, a wrong password, none, and no proxy at all" {
    local proxy
    proxy=$(free_port)
    with_relay
    printf '%s\n' "Port $proxy" 'Listen 127.0.0.1' 'Timeout 600' 'MaxClients 20' \
        'LogFile "tinyproxy.connects"' 'LogLevel Connect' 'Allow 127.0.0.1' 'BasicAuth user secret' >tinyproxy.conf
    start tinyproxy tinyproxy -d -c tinyproxy.conf
    wait_until 60 listening "$proxy"
    echo user:secret >good
    echo user:wrong >bad
    chmod 600 good bad
    run -0 check -x "127.0.0.1:$proxy,good" "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    all_well name tcp proxy tls poll
    [[ $output == *"127.0.0.1 port $proxy leads to 127.0.0.1 port $relay_port"* ]]
    run -77 check -x "127.0.0.1:$proxy,bad" "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail proxy 'does not accept this user and password: refused: 401 ' "correct the first line of the file"
    run -77 check -x "127.0.0.1:$proxy" "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail proxy 'wants a user and a password: refused: 407 ' 'put user:password into a file'
    run -69 check -x "127.0.0.1:1" "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail tcp 'the proxy 127.0.0.1 port 1: IPv4 127.0.0.1 Connection refused' 'nothing listens there'
    run -69 check -x "127.0.0.1:$relay_port" "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail proxy 'does not lead to the relay: ' 'names the right proxy'
}

# by_the_clock SECONDS: what wrapper needs for one that is so much ahead.
by_the_clock() {
    python3 -SB "$tests/faults/shared.py" "$scratch/control"
    python3 -SB "$tests/faults/shared.py" "$scratch/control" step "$1"
    wrapper=(env "LD_PRELOAD=$BATS_FILE_TMPDIR/shim.so" "FAULTS=$scratch/control")
}

@test "a clock that is wrong: by a year ahead, by a year back, and beyond both certificates" {
    needs_plain 'the shim comes before the sanitizer'
    with_relay
    by_the_clock $((365 * 86400))
    run -0 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told warn clock "this host's clock is 365 days ahead of the relay's" 'set the clock of this host'
    by_the_clock $((-365 * 86400))
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail certificate '"alice" is not valid before 20' 'set the clock of this host'
    told fail tls " is not valid before 20" 'set the clock of this host'
    by_the_clock $((3 * 365 * 86400))
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail certificate "; by this host's clock it is 20" 'if the clock is right'
    told fail tls ", and so has ours: this host's clock shows 20" 'set the clock of this host if it is wrong'
}

@test "key and certificate: closed to others, of each other, in their time" {
    with_relay
    cp -r alice open
    chmod 644 open/private.pem
    name=open
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail key 'open/private.pem: a key that others can read or write (mode 0644)' 'mode 600'
    all_well configuration
    chmod 600 open/private.pem
    cp bob/private.pem open
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail key 'the key (-k) is not that of the certificate (-c)' 'was made for it'
    ca=missing.pem
    name=alice
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail certificate 'missing.pem: No such file or directory' 'his ca.pem'
    ca=ca.pem
    name=short
    run -0 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told warn certificate '"short" expires in 12 days, at 20' 'relay-ca renew'
    name=early
    run -78 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail certificate '"early" is not valid before 20' 'set the clock of this host'
    echo 'no-such: word' >bad.conf
    run -78 bin/relayagent check -C bad.conf
    told fail configuration 'bad.conf:1: ' 'mend what the line says'
}

@test "a relay whose broker is away is told to be tried again" {
    configure 'match_timeout = 1'
    start_broker
    start_relay listen
    stop broker
    run -75 check "127.0.0.1:$relay_port" "127.0.0.1:$relay_port"
    told fail poll 'the relay refuses: 503 The relay is restarting' 'try again in a few seconds'
}

@test "--json is for check and status alone, and no line of a file" {
    run -64 bin/relayagent --json -n -k alice/private.pem -c alice/cert.pem -a ca.pem 127.0.0.1:1 127.0.0.1:1
    [[ $output == 'relayagent: --json is for check and status'* ]]
    printf '%s\n' --json >bad.conf
    run -78 bin/relayagent -t -C bad.conf
    [[ $output == 'relayagent: bad.conf:1: unknown option --json'* ]]
}
