#!/usr/bin/env bats
# relay-ca sign: certificates for keys that stay where they were made, and which
# certificates of a client meet.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/authority

# a_relay: a CA with a relay.
a_relay() {
    have_ca
    ca server relay.example.org
}

# request FILE [OPTION...]: as openssl makes one.
request() {
    local file=$1
    shift
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "${file%.csr}.key" -out "$file" -subj "/CN=Whoever" "$@" 2>/dev/null
}

fingerprint() {
    openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f
}

@test "each request gets a certificate of our making for its key, and the answer has no key" {
    a_relay
    request a.csr -addext basicConstraints=critical,CA:TRUE -addext subjectAltName=DNS:relay.example.org \
        -addext extendedKeyUsage=serverAuth
    request b.csr
    run -0 ca sign -D 10 laptop a.csr b.csr
    said=$output
    for host in a b; do
        cert=$ca/client/laptop/$host.pem
        [[ $said == *"$ca/client/laptop/$host.warp"* ]]
        [[ $said == *"$(fingerprint "$cert")"* ]]
        [ "$(openssl x509 -in "$cert" -noout -subject -nameopt RFC2253)" = subject=CN=laptop ]
        [ "$(openssl x509 -in "$cert" -noout -pubkey)" = "$(public_key $host.key)" ]
        [[ $(extension "$cert" extendedKeyUsage) == *"TLS Web Client Authentication" ]]
        [[ $(extension "$cert" basicConstraints) == *CA:FALSE ]]
        [[ $(extension "$cert" subjectAltName 2>&1) != *DNS* ]]
        verify client "$cert"
        run ! openssl x509 -in "$cert" -noout -checkend $((11 * 86400))
        answer=$ca/client/laptop/$host.warp
        grep -Fx 'relay = relay.example.org:443' "$answer"
        run ! grep KEY "$answer"
        [ "$(grep -c BEGIN "$answer")" -eq 2 ]
        [ "$(stat -c %a "$answer")" = 644 ]
    done
    [ "$(ca list | grep -c ' laptop .* client .* valid ')" -eq 2 ]
    # the two ends of a sealed session know each other by it
    [[ $said == *"copy $ca/client/laptop/peers.pem to both hosts"* ]]
    [ "$(openssl crl2pkcs7 -nocrl -certfile "$ca/client/laptop/peers.pem" | openssl pkcs7 -print_certs -noout | grep -c '^subject')" -eq 2 ]
}

@test "a request that is none, is signed by another key, or has a poor key gets nothing" {
    a_relay
    request good.csr
    before=$(snapshot)
    fails 66 'nowhere.csr: cannot be read' sign laptop good.csr nowhere.csr
    echo nothing >bad.csr
    fails 65 'bad.csr: not a request for a certificate' sign laptop good.csr bad.csr
    # the last byte of its signature is another
    openssl req -in good.csr -outform DER -out der
    size=$(stat -c %s der)
    last=$(tail -c 1 der | od -An -tu1)
    printf '%b' "\\x$(printf %02x $((last ^ 1)))" | dd of=der bs=1 seek=$((size - 1)) conv=notrunc status=none
    openssl req -inform DER -in der -out bad.csr 2>/dev/null
    fails 65 'bad.csr: its signature is not that of its key' sign laptop bad.csr
    openssl req -new -newkey rsa:1024 -nodes -keyout k -out bad.csr -subj /CN=x 2>/dev/null
    fails 65 'bad.csr: its key of 1024 bits is too short' sign laptop bad.csr
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:secp160r1 -nodes -keyout k -out bad.csr -subj /CN=x 2>/dev/null
    fails 65 'bad.csr: its key of 16' sign laptop bad.csr
    mkdir other
    cp good.csr other
    fails 65 'other/good.csr: a second file of that name' sign laptop good.csr other/good.csr
    cp good.csr cert.csr
    fails 65 'cert.csr: a name that is taken' sign laptop cert.csr
    cp good.csr peers.csr
    fails 65 'peers.csr: a name that is taken' sign laptop peers.csr
    cp good.csr 'a b.csr'
    fails 65 'a b: not a good name' sign laptop 'a b.csr'
    fails 73 'relay.example.org: is the name of a relay' sign relay.example.org good.csr
    fails 64 'sign: give a NAME' sign laptop
    fails 64 '-x: no such option' sign -x 1 laptop good.csr
    fails 65 'no relay' sign --relay other.example.org laptop good.csr
    [ "$(snapshot)" = "$before" ]
}

@test "keys of other kinds are good as well" {
    a_relay
    openssl req -new -newkey ed25519 -nodes -keyout k -out ed.csr -subj /CN=x 2>/dev/null
    openssl req -new -newkey rsa:2048 -nodes -keyout k -out rsa.csr -subj /CN=x 2>/dev/null
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout k -out p384.csr -subj /CN=x 2>/dev/null
    ca sign laptop ed.csr rsa.csr p384.csr
}

@test "one of two can be revoked alone, and a request that is kept be signed again" {
    a_relay
    request a.csr
    request b.csr
    ca sign laptop a.csr b.csr
    serial=$(serial "$ca/client/laptop/a.pem")
    ca revoke laptop "$serial"
    run ! verify client "$ca/client/laptop/a.pem"
    verify client "$ca/client/laptop/b.pem"
    fails 66 "laptop: its keys are elsewhere: run relay-ca -d $ca sign laptop $ca/client/laptop/*.csr" renew laptop
    ca sign laptop "$ca/client/laptop/b.csr"
    [ "$(openssl x509 -in "$ca/client/laptop/b.pem" -noout -pubkey)" = "$(public_key b.key)" ]
}

# table LINE...: it is what the broker reads of the customers.
table() {
    diff <(printf '%s\n' "$@") customers
}

@test "all certificates of a name are put under one customer, in the table that there is" {
    : >relay.conf
    a_relay
    request a.csr
    request b.csr
    run -0 ca sign laptop a.csr
    [ ! -e customers ]
    run -0 ca sign laptop b.csr
    [[ $output == *"next: write customers = $PWD/customers into $PWD/relay.conf, and let the relay read it: relayctl reload"* ]]
    a="certificate = sha256:$(fingerprint "$ca/client/laptop/a.pem")"
    b="certificate = sha256:$(fingerprint "$ca/client/laptop/b.pem")"
    table '[laptop]' "$a" "$b"
    # the section that has one of them, whatever its name is
    echo 'customers = customers' >relay.conf
    printf '%s\n' '[default]' 'nusers = 3' '' ' [office]' "$b" 'nusers = 2' '[other]' >customers
    request c.csr
    run -0 ca sign laptop c.csr
    [[ $output == *"next: all certificates of laptop are in $PWD/customers, let the relay read it: relayctl reload"* ]]
    c="certificate = sha256:$(fingerprint "$ca/client/laptop/c.pem")"
    table '[default]' 'nusers = 3' '' ' [office]' "$a" "$c" "$b" 'nusers = 2' '[other]'
    # a section of that name
    printf '%s\n' '[laptop]' 'nusers = 2' >customers
    cp c.csr d.csr
    ca sign laptop d.csr
    [ "$(grep -c certificate customers)" -eq 4 ]
    [ "$(tail -n 1 customers)" = 'nusers = 2' ]
}

@test "renew lets old and new certificate meet, or says who has to" {
    : >relay.conf
    have_ca
    ca client laptop
    old=$(fingerprint "$ca/client/laptop/cert.pem")
    run -0 ca renew laptop
    [[ $output == *'next: write customers = '* ]]
    new=$(fingerprint "$ca/client/laptop/cert.pem")
    table '[laptop]' "certificate = sha256:$old" "certificate = sha256:$new"
    # a table that is a list of all who may come is left to who keeps it
    printf '%s\n' '[default]' 'allow = no' >customers
    ca client second
    run -0 ca renew second
    [[ $output == *"next: $PWD/customers refuses who is not in it: add to one customer, so that they meet: "* ]]
    table '[default]' 'allow = no'
    # the relay is another host
    rm relay.conf customers
    run -0 ca renew second
    [[ $output == *"next: let all certificates of second meet, on the relay's host: relayctl customer second FILE"* ]]
    [ "$(grep -c "^  $ca/issued/.*.pem$" <<<"$output")" -eq 3 ]
    [ ! -e customers ]
}
