#!/usr/bin/env bats
# What relay-ca(1) makes, looked at with openssl(1).
#
# Every test is a subshell and run sets variables, which shellcheck cannot know.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/authority

@test "a built relay-ca prints its version, and one that is not built says dev" {
    run -0 "$BATS_TEST_DIRNAME/../../bin/relay-ca" -V
    [ "$output" = "relay-ca dev" ]
    run -0 "$BATS_TEST_DIRNAME/../../build/bin/relay-ca" -V
    [[ $output == "relay-ca "[0-9]* ]]
}

@test "-h names every command and the default directory" {
    run -0 "$relay_ca" -h
    for word in setup init server client node admin sign renew revoke crl list /etc/vpn-warp/ca; do
        [[ $output == *"$word"* ]]
    done
}

@test "a wrong command line is refused with status 64 and one line" {
    fails 64 'no COMMAND'
    fails 64 'mint: no such command' mint
    fails 64 'sign' sign
    fails 64 '-x: no such option' -x
    fails 64 'init' init one two
    have_ca
    fails 64 'server' server
    fails 64 'client' client
    fails 64 'client' client one two
    fails 64 'client' client -D 10
    fails 64 '-x' client -x 10 one
    fails 64 'renew' renew
    fails 64 'revoke' revoke
    fails 64 'revoke' revoke one two three
    fails 64 'crl' crl now
    fails 64 'list' list all
}

@test "init makes a CA for ten years that may sign certificates and lists, and nothing else" {
    run -0 ca init
    [ "${#lines[@]}" -eq 2 ]
    cert=$ca/ca.pem
    [ "$(openssl x509 -in "$cert" -noout -subject -nameopt RFC2253)" = "subject=CN=VPN-Warp relay CA" ]
    [[ $(extension "$cert" basicConstraints) == *critical*"CA:TRUE, pathlen:0"* ]]
    [[ $(extension "$cert" keyUsage) == *critical*"Certificate Sign, CRL Sign" ]]
    [[ $(extension "$cert" subjectKeyIdentifier) == *:*:* ]]
    openssl x509 -in "$cert" -noout -checkend $((3649 * 86400))
    run ! openssl x509 -in "$cert" -noout -checkend $((3651 * 86400))
    [[ $(openssl x509 -in "$cert" -noout -text) == *prime256v1* ]]
    [ "$(openssl x509 -in "$cert" -noout -pubkey)" = "$(public_key "$ca/private/ca.pem")" ]
    openssl verify -x509_strict -CAfile "$cert" "$cert"
}

@test "init makes a revocation list with nothing in it" {
    ca init
    run -0 openssl crl -in "$ca/crl.pem" -noout -text
    [[ $output == *"No Revoked Certificates"* ]]
    [ ! -s "$ca/index.txt" ]
}

@test "init takes a name with spaces for the CA" {
    ca init 'Relays of Example Ltd.'
    [ "$(openssl x509 -in "$ca/ca.pem" -noout -subject -nameopt RFC2253)" = "subject=CN=Relays of Example Ltd." ]
}

@test "init makes the directories above, which others may enter" {
    ca=$BATS_TEST_TMPDIR/etc/vpn-warp/ca
    (umask 027 && ca init)
    [ "$(stat -c %a etc etc/vpn-warp etc/vpn-warp/ca | sort -u)" = 755 ]
}

@test "a directory that cannot be written is refused with status 77" {
    [ "$(id -u)" -ne 0 ] || skip 'root can write everywhere'
    have_ca
    chmod 555 "$ca"
    run --separate-stderr -77 ca client laptop
    chmod 755 "$ca"
    [[ $stderr == *'not writable'* ]]
}

@test "a second init is refused with status 73 and loses nothing" {
    ca init
    ca client laptop
    before=$(snapshot)
    fails 73 'a CA is there already' init
    [ "$(snapshot)" = "$before" ]
}

@test "init does not touch what is left of a CA" {
    ca init
    rm "$ca/ca.pem"
    before=$(snapshot)
    fails 73 'a CA is there already' init
    [ "$(snapshot)" = "$before" ]
}

@test "init where no directory can be made is refused with status 73" {
    : >file
    ca=$BATS_TEST_TMPDIR/file/ca
    fails 73 'cannot make this directory' init
}

@test "a command without a CA is refused with status 66 and says to run init" {
    fails 66 'init' client laptop
    mkdir "$ca"
    fails 66 'init' client laptop
    fails 66 'init' list
}

@test "a server certificate is good for a server, and not for a client" {
    have_ca
    run -0 ca server relay.example.org
    [ "${#lines[@]}" -eq 2 ]
    cert=$ca/server/relay.example.org/cert.pem
    verify server "$cert"
    run ! verify client "$cert"
    [ "$(openssl x509 -in "$cert" -noout -subject -nameopt RFC2253)" = "subject=CN=relay.example.org" ]
    [[ $(extension "$cert" basicConstraints) == *critical*CA:FALSE ]]
    [[ $(extension "$cert" keyUsage) == *critical*"    Digital Signature" ]]
    [[ $(extension "$cert" extendedKeyUsage) == *"    TLS Web Server Authentication" ]]
    [[ $(extension "$cert" subjectKeyIdentifier) == *:*:* ]]
    [[ $(extension "$cert" authorityKeyIdentifier) == *:*:* ]]
    [ "$(openssl x509 -in "$cert" -noout -pubkey)" = "$(public_key "${cert%cert.pem}private.pem")" ]
}

@test "a server certificate has all its names, host names and addresses of both kinds" {
    have_ca
    ca server relay.example.org relay 192.0.2.1 ::1 2001:db8::5 1:2:3:4:5:6:7:8
    cert=$ca/server/relay.example.org/cert.pem
    [[ $(extension "$cert" subjectAltName) == *"    DNS:relay.example.org, DNS:relay, IP Address:192.0.2.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:5, IP Address:1:2:3:4:5:6:7:8" ]]
    verify server "$cert" -verify_hostname relay
    verify server "$cert" -verify_ip 192.0.2.1
    verify server "$cert" -verify_ip 2001:db8::5
    run ! verify server "$cert" -verify_hostname other.example.org
}

@test "a server may be known by its address only" {
    have_ca
    ca server 2001:db8::5
    verify server "$ca/server/2001:db8::5/cert.pem" -verify_ip 2001:db8::5
    ca server 192.0.2.1
    verify server "$ca/server/192.0.2.1/cert.pem" -verify_ip 192.0.2.1
}

@test "a server certificate is good for 730 days, or for those of -D up to 825" {
    have_ca
    ca server one
    openssl x509 -in "$ca/server/one/cert.pem" -noout -checkend $((729 * 86400))
    run ! openssl x509 -in "$ca/server/one/cert.pem" -noout -checkend $((731 * 86400))
    ca server -D 825 two
    openssl x509 -in "$ca/server/two/cert.pem" -noout -checkend $((824 * 86400))
    fails 65 'too many days' server -D 826 three
}

@test "names that are none of a server are refused with status 65" {
    have_ca
    for name in 1.2.3 1.2.3.256 1.2.3.4.5 01.2.3.4 1::2::3 ::: 1:2:3 12345::1 g::1 1:2:3:4:5:6:7:8:9 \
        1:2:3:4::5:6:7:8 a@b a..b a. a-.b -a '*.example.org' "$(printf '%064d' 0).example.org"; do
        fails 65 'name' server good.example.org "$name"
    done
    [ ! -e "$ca/server" ]
}

@test "a client certificate is good for a client, and not for a server" {
    have_ca
    run -0 ca client laptop
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[1]} == *"private.pem and cert.pem from $ca/client/laptop"* ]]
    cert=$ca/client/laptop/cert.pem
    verify client "$cert"
    run ! verify server "$cert"
    [ "$(openssl x509 -in "$cert" -noout -subject -nameopt RFC2253)" = "subject=CN=laptop" ]
    [[ $(extension "$cert" basicConstraints) == *critical*CA:FALSE ]]
    [[ $(extension "$cert" keyUsage) == *critical*"    Digital Signature" ]]
    [[ $(extension "$cert" extendedKeyUsage) == *"    TLS Web Client Authentication" ]]
    [ "$(openssl x509 -in "$cert" -noout -pubkey)" = "$(public_key "$ca/client/laptop/private.pem")" ]
    [[ $(openssl x509 -in "$cert" -noout -text) == *prime256v1* ]]
}

@test "a client certificate is good for 730 days, or for those of -D" {
    have_ca
    ca client one
    openssl x509 -in "$ca/client/one/cert.pem" -noout -checkend $((729 * 86400))
    run ! openssl x509 -in "$ca/client/one/cert.pem" -noout -checkend $((731 * 86400))
    ca client -D 3000 two
    openssl x509 -in "$ca/client/two/cert.pem" -noout -checkend $((2999 * 86400))
}

@test "days that are no number, too many, or longer than the CA lasts are refused with status 65" {
    have_ca
    for days in 0 -1 1.5 ten '' 3651 99999 99999999999999999999; do
        fails 65 "-D $days" client -D "$days" laptop
    done
    fails 65 'the CA itself ends before' client -D 3650 laptop
    [ ! -e "$ca/client" ]
}

@test "a client's name may look like a mail address" {
    have_ca
    ca client some.body_2@example.org
    verify client "$ca/client/some.body_2@example.org/cert.pem"
    run -0 ca list
    [[ ${lines[1]} == *" some.body_2@example.org "* ]]
}

@test "bad names are refused with status 65, and nothing is made" {
    have_ca
    before=$(snapshot)
    for name in '' . .. .hidden -x a/b ../x /etc/passwd 'a b' 'a=b' 'a,b' 'a+b' "a'b" 'a"b' 'a\b' 'a$b' 'a*' 'a;b' \
        $'a\nb' $'a\tb' $'a\x1bb' ä "$(printf '%065d' 0)"; do
        for command in client renew revoke server; do
            fails 65 'name' $command "$name"
        done
    done
    fails 65 'name' init 'a/b'
    [ "$(snapshot)" = "$before" ]
}

@test "a name of 64 characters is good" {
    have_ca
    ca client "$(printf '%064d' 0)"
}

@test "a name that has a certificate is refused with status 73, for either kind" {
    have_ca
    ca client laptop
    before=$(snapshot)
    fails 73 'renew laptop' client laptop
    fails 73 'laptop' server laptop
    [ "$(snapshot)" = "$before" ]
}

@test "names that differ in case or are part of each other are different" {
    have_ca
    for name in laptop Laptop lap laptop2 l.ptop; do
        ca client "$name"
    done
    ca revoke l.ptop
    [ "$(ca list | grep -c valid)" -eq 4 ]
}

@test "serial numbers are random" {
    have_ca
    for name in a b c; do
        ca client $name
    done
    serials=$(for name in a b c; do serial "$ca/client/$name/cert.pem"; done | sort -u)
    [ "$(echo "$serials" | wc -l)" -eq 3 ]
    # Shorter than 15 bytes by chance is less likely than a broken machine.
    run ! grep -v '^[0-9A-F]\{30,40\}$' <<<"$serials"
    [ "$(cut -c 1-8 <<<"$serials" | sort -u | wc -l)" -eq 3 ]
}

@test "keys can be read by their owner only, certificates by everybody, whatever the umask" {
    (umask 000 && ca init && ca client laptop && ca server relay && ca renew laptop)
    [ -z "$(find "$ca" -name 'private*.pem' ! -perm 600)" ]
    [ "$(stat -c %a "$ca/private/ca.pem")" = 600 ]
    [ "$(stat -c %a "$ca/private" "$ca/client" "$ca/client/laptop" "$ca/server" "$ca/server/relay" | sort -u)" = 700 ]
    [ "$(stat -c %a "$ca" | sort -u)" = 755 ]
    [ "$(stat -c %a "$ca/ca.pem" "$ca/crl.pem" "$ca/client/laptop/cert.pem" "$ca/server/relay/cert.pem" | sort -u)" = 644 ]
    [ -z "$(find "$ca" -perm /022)" ]
}

@test "keys are closed to others while they are made" {
    wrap openssl <<'EOF'
#!/bin/sh
REAL "$@"
status=$?
find HERE/ca -path '*.work*private*' -perm /077 >>HERE/open
exit $status
EOF
    (umask 000 && wrapped init && wrapped client laptop)
    [ -e open ]
    [ ! -s open ]
}

@test "the examples of the manual work" {
    manual=$BATS_TEST_DIRNAME/../../man/relay-ca.1
    sed -n '/^\.Bd -literal/,/^\.Ed/s/^[#$] //p' "$manual" >examples
    [ "$(grep -c relay-ca examples)" -eq 13 ]
    mkdir bin
    printf '#!/bin/sh\n[ "$1" = setup ] || exec "%s" -d "%s" "$@"\n' "$relay_ca" "$ca" >bin/relay-ca
    printf '#!/bin/sh\n' >bin/scp
    chmod 755 bin/*
    for host in remote local; do
        openssl req -new -newkey ed25519 -nodes -keyout key -subj /CN=x -out "desktop-$host.csr"
    done
    PATH="$BATS_TEST_TMPDIR/bin:$PATH" run -0 sh -e examples
    verify client "$ca/client/laptop/cert.pem"
    verify server "$ca/server/relay.example.org/cert.pem" -verify_ip 2001:db8::1
    ca=$BATS_TEST_TMPDIR/try
    verify client try/client/somebody@example.org/cert.pem
}

# ---- of relays among others ----------------------------------------------------

@test "a node's certificate is good for both ends, an administrator's only to ask, and each says what it is" {
    have_ca
    run -0 ca node tokyo
    cert=$ca/node/tokyo/cert.pem
    [[ $(extension "$cert" extendedKeyUsage) == *'TLS Web Server Authentication, TLS Web Client Authentication' ]]
    [[ $(extension "$cert" subjectAltName) == *DNS:tokyo ]]
    run -0 ca admin carol
    [[ $output == 'admin carol: valid until '*$'\nnext: copy private.pem and cert.pem from '*'peer_admin_key and peer_admin_certificate'* ]]
    cert=$ca/admin/carol/cert.pem
    [[ $(extension "$cert" extendedKeyUsage) == *'TLS Web Client Authentication' ]]
    [[ $(extension "$cert" extendedKeyUsage) != *Server* ]]
    [[ $(extension "$cert" subjectAltName) == *URI:vpn-warp:admin:carol ]]
    [[ $(extension "$cert" subjectAltName) != *DNS* ]]
    [ "$(ca list | awk 'NR > 1 { print $2, $3 }')" = $'tokyo node\ncarol admin' ]
    run -0 ca renew carol
    [[ $output == 'admin carol: valid until '* ]]
    [[ $(extension "$cert" subjectAltName) == *URI:vpn-warp:admin:carol ]]
}

@test "neither is made beside certificates of clients or relays, nor these beside them, nor two of a name" {
    have_ca
    ca admin carol
    fails 73 carol admin carol
    fails 73 carol node carol
    fails 73 'of admin' client alice
    fails 73 'of admin' server relay.example.org
    fails 65 'not a good name among relays' admin Carol
    fails 64 'give one NAME' admin
    ca=$BATS_TEST_TMPDIR/clients
    have_ca
    ca client alice
    fails 73 'of client' admin carol
    fails 73 'of client' node tokyo
}
