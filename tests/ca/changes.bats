#!/usr/bin/env bats
# relay-ca(1) renews, revokes and lists, and nothing around it has an influence.
#
# Every test is a subshell and run sets variables, which shellcheck cannot know.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/authority

@test "renew makes a new key and certificate and keeps the old ones, which remain good" {
    have_ca
    ca client laptop
    dir=$ca/client/laptop
    old=$(serial "$dir/cert.pem")
    cp -p "$dir/cert.pem" "$dir/private.pem" .
    run -0 ca renew laptop
    # made, to be copied, and to be let meet with the old one
    [ "${#lines[@]}" -eq 5 ]
    [ "$(serial "$dir/cert.pem")" != "$old" ]
    [ "$(public_key "$dir/private.pem")" != "$(public_key private.pem)" ]
    [ "$(openssl x509 -in "$dir/cert.pem" -noout -pubkey)" = "$(public_key "$dir/private.pem")" ]
    cmp cert.pem "$dir/cert-$old.pem"
    cmp private.pem "$dir/private-$old.pem"
    verify client "$dir/cert.pem"
    verify client "$dir/cert-$old.pem"
    [ "$(ca list | grep -c 'laptop *client *valid')" -eq 2 ]
}

# peers_are SERIAL...: whose certificates peers.pem has, in this order.
peers_are() {
    [ "$(openssl crl2pkcs7 -nocrl -certfile "$ca/client/laptop/peers.pem" |
        openssl pkcs7 -print_certs | grep -c '^subject')" -eq $# ]
    for each; do
        cat "$ca/issued/$each.pem"
    done | cmp - "$ca/client/laptop/peers.pem"
}

@test "renew writes the peers, all certificates of the name that are good, and revoke takes them out" {
    have_ca
    ca client laptop
    first=$(serial "$ca/client/laptop/cert.pem")
    [ ! -e "$ca/client/laptop/peers.pem" ]
    run -0 ca renew laptop
    [[ $output == *'copy peers.pem, then '* ]]
    second=$(serial "$ca/client/laptop/cert.pem")
    peers_are "$first" "$second"
    ca revoke laptop "$first"
    peers_are "$second"
    ca renew laptop
    peers_are "$second" "$(serial "$ca/client/laptop/cert.pem")"
    ca server relay.example.org
    ca renew relay.example.org
    [ ! -e "$ca/client/relay.example.org" ]
    [ ! -e "$ca/server/relay.example.org/peers.pem" ]
}

@test "renew keeps the kind and all the names of a server" {
    have_ca
    ca server relay.example.org 192.0.2.1 2001:db8::5 other.example.org
    cert=$ca/server/relay.example.org/cert.pem
    names=$(extension "$cert" subjectAltName)
    ca renew -D 10 relay.example.org
    [ "$(extension "$cert" subjectAltName)" = "$names" ]
    verify server "$cert" -verify_ip 2001:db8::5
    run ! openssl x509 -in "$cert" -noout -checkend $((11 * 86400))
    fails 65 'too many days' renew -D 826 relay.example.org
}

@test "renew works when the private key has been moved away" {
    have_ca
    ca client laptop
    rm "$ca/client/laptop/private.pem"
    ca renew laptop
    [ -f "$ca/client/laptop/private.pem" ]
}

@test "renew and revoke of a name without a certificate are refused with status 66" {
    have_ca
    ca client laptop
    fails 66 'desktop' renew desktop
    fails 66 'desktop' revoke desktop
    fails 66 'laptop' revoke laptop 0123456789
    ca revoke laptop
    fails 66 'laptop' renew laptop
    fails 66 'laptop' revoke laptop
}

@test "a revoked certificate is refused by the revocation list, and others are not" {
    have_ca
    ca client laptop
    ca client desktop
    ca server relay
    run -0 ca revoke laptop
    [[ $output == *"$(serial "$ca/client/laptop/cert.pem")"*"$ca/crl.pem"* ]]
    run -2 verify client "$ca/client/laptop/cert.pem"
    [[ $output == *"certificate revoked"* ]]
    verify client "$ca/client/desktop/cert.pem"
    verify server "$ca/server/relay/cert.pem"
}

@test "revoke after renew revokes the old certificate too" {
    have_ca
    ca client laptop
    old=$(serial "$ca/client/laptop/cert.pem")
    ca renew laptop
    ca revoke laptop
    run -2 verify client "$ca/client/laptop/cert.pem"
    run -2 verify client "$ca/client/laptop/cert-$old.pem"
}

@test "revoke with a serial number revokes only that certificate" {
    have_ca
    ca client laptop
    old=$(serial "$ca/client/laptop/cert.pem")
    ca renew laptop
    ca revoke laptop "$old"
    verify client "$ca/client/laptop/cert.pem"
    run -2 verify client "$ca/client/laptop/cert-$old.pem"
    fails 73 'laptop' client laptop
}

@test "after revoke the name can have a new certificate, and the old files are kept" {
    have_ca
    ca client laptop
    old=$(serial "$ca/client/laptop/cert.pem")
    ca revoke laptop
    ca client laptop
    verify client "$ca/client/laptop/cert.pem"
    run -2 verify client "$ca/client/laptop/cert-$old.pem"
    [ -f "$ca/client/laptop/private-$old.pem" ]
}

@test "after revoke a client's name can become a server's" {
    have_ca
    ca client box
    ca revoke box
    ca server box
    ca renew box
    verify server "$ca/server/box/cert.pem"
}

@test "crl makes a newer list with the same entries, good for 30 days" {
    have_ca
    ca client laptop
    ca revoke laptop
    old=$(openssl crl -in "$ca/crl.pem" -noout -crlnumber)
    run -0 ca crl
    [ "${#lines[@]}" -eq 2 ]
    [ "$(openssl crl -in "$ca/crl.pem" -noout -crlnumber)" != "$old" ]
    run -0 openssl crl -in "$ca/crl.pem" -noout -text -CAfile "$ca/ca.pem"
    [[ $output == *"verify OK"* ]]
    [[ $output == *"Serial Number: $(serial "$ca/client/laptop/cert.pem")"* ]]
    last=$(date -d "$(openssl crl -in "$ca/crl.pem" -noout -lastupdate | cut -d= -f2)" +%s)
    next=$(date -d "$(openssl crl -in "$ca/crl.pem" -noout -nextupdate | cut -d= -f2)" +%s)
    [ $((next - last)) -eq $((30 * 86400)) ]
    run -2 verify client "$ca/client/laptop/cert.pem"
}

@test "list of a new CA is only its heading" {
    have_ca
    run -0 ca list
    [ "${#lines[@]}" -eq 1 ]
    [ "$(tr -s ' ' <<<"$output")" = "SERIAL NAME KIND STATUS NOTAFTER SHA256" ]
}

@test "list shows serial, name, kind, status, end and the fingerprint openssl has" {
    have_ca
    ca server relay.example.org
    ca client laptop
    ca revoke laptop
    run -0 ca list
    [ "${#lines[@]}" -eq 3 ]
    cert=$ca/server/relay.example.org/cert.pem
    end=$(date -u -d "$(openssl x509 -in "$cert" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)
    fingerprint=$(openssl x509 -in "$cert" -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
    [ "$(tr -s ' ' <<<"${lines[1]}")" = "$(serial "$cert") relay.example.org server valid $end $fingerprint" ]
    cert=$ca/client/laptop/cert.pem
    fingerprint=$(openssl x509 -in "$cert" -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
    [[ $(tr -s ' ' <<<"${lines[2]}") == "$(serial "$cert") laptop client revoked "*" $fingerprint" ]]
}

@test "the fingerprint client prints is that of list" {
    have_ca
    run -0 ca client laptop
    fingerprint=${lines[0]##* }
    [ "${#fingerprint}" -eq 64 ]
    [ "$(ca list | awk '$2 == "laptop" { print $6 }')" = "$fingerprint" ]
}

@test "list shows what has ended as expired, and what is revoked as revoked" {
    have_ca
    ca client -D 1 short
    ca client long
    ca client -D 1 gone
    ca revoke gone
    later=$(date -u -d '+2 days' +%Y-%m-%dT%H:%M:%SZ)
    wrap date <<<"#!/bin/sh
echo $later"
    run -0 wrapped list
    [ "$(awk '{ print $2, $4 }' <<<"$output" | tail -n +2)" = $'short expired\nlong valid\ngone revoked' ]
}

@test "no configuration or environment of openssl has an influence" {
    printf 'not = [a config\n' >broken.cnf
    export OPENSSL_CONF=$BATS_TEST_TMPDIR/broken.cnf OPENSSL_MODULES=/nonexistent OPENSSL_ENGINES=/nonexistent \
        RANDFILE=/nonexistent/rnd SSL_CERT_FILE=/nonexistent HOME=/nonexistent CDPATH=/ TZ=Pacific/Auckland \
        new=/nonexistent work=/nonexistent dir=/nonexistent days=1 IFS=/
    have_ca
    ca client laptop
    ca revoke laptop
    run -0 ca list
    unset IFS OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES SSL_CERT_FILE
    [ "$(awk '{ print $2, $4 }' <<<"${lines[1]}")" = "laptop revoked" ]
    openssl x509 -in "$ca/client/laptop/cert.pem" -noout -checkend $((729 * 86400))
}

@test "openssl sees no variables but PATH and its own configuration" {
    wrap openssl <<'EOF'
#!/bin/sh
env | sed 's/=.*//' >>HERE/variables
exec REAL "$@"
EOF
    wrapped init
    wrapped client laptop
    [ "$(grep -vx -e PWD -e _ variables | sort -u)" = $'OPENSSL_CONF\nPATH' ]
}

@test "the directory may be a relative one with spaces" {
    ca='my own CA'
    have_ca
    ca client laptop
    verify client "$ca/client/laptop/cert.pem"
    fails 73 'laptop' client laptop
}
