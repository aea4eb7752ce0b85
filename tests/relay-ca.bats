#!/usr/bin/env bats
# What relay-ca(1) makes, looked at with openssl(1), and what it leaves behind
# when something goes wrong.
#
# Every test is a subshell and run sets variables, which shellcheck cannot know.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

setup() {
    relay_ca="$BATS_TEST_DIRNAME/../build/bin/relay-ca"
    [ -x "$relay_ca" ] || relay_ca="$BATS_TEST_DIRNAME/../bin/relay-ca"
    relay_ca=$(realpath "$relay_ca")
    cd "$BATS_TEST_TMPDIR" || exit
    ca=$BATS_TEST_TMPDIR/ca
}

# ca ARGUMENT...: relay-ca in the test's own directory.
ca() {
    "$relay_ca" -d "$ca" "$@"
}

# fails STATUS TEXT ARGUMENT...: relay-ca fails so, and says it in one line.
fails() {
    local status_wanted=$1 text=$2
    shift 2
    run --separate-stderr "-$status_wanted" ca "$@"
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "relay-ca: "*"$text"* ]]
}

# verify ROLE FILE [OPTION...]: would a peer accept this certificate?
verify() {
    local role=$1 file=$2
    shift 2
    openssl verify -x509_strict -crl_check -CRLfile "$ca/crl.pem" -CAfile "$ca/ca.pem" \
        -purpose "ssl$role" "$@" "$file"
}

extension() {
    openssl x509 -in "$1" -noout -ext "$2"
}

serial() {
    openssl x509 -in "$1" -noout -serial | sed 's/serial=//'
}

public_key() {
    openssl pkey -in "$1" -pubout
}

# snapshot: every file of the CA, with its content.
snapshot() {
    (cd "$ca" && find . -type f ! -name .lock -exec sha256sum {} + | sort)
}

# wrap COMMAND: lets the test's own $BATS_TEST_TMPDIR/bin/COMMAND, read from
# standard input, stand in for COMMAND.  REAL in it is the real one.
wrap() {
    mkdir -p bin
    sed "s|REAL|$(command -v "$1")|; s|HERE|$BATS_TEST_TMPDIR|g" >"bin/$1"
    chmod 755 "bin/$1"
}

wrapped() {
    PATH="$BATS_TEST_TMPDIR/bin:$PATH" ca "$@"
}

# wrap_nth COMMAND ACTION: the call whose number is in the file nth does ACTION.
wrap_nth() {
    wrap "$1" <<EOF
#!/bin/sh
count=\$((\$(cat HERE/count) + 1))
echo \$count >HERE/count
if [ \$count -eq \$(cat HERE/nth) ]; then
    $2
fi
exec REAL "\$@"
EOF
}

# nth NUMBER ARGUMENT...: relay-ca, with the action at call NUMBER.
nth() {
    echo "$1" >nth
    echo 0 >count
    shift
    wrapped "$@"
}

# hide COMMAND: makes $BATS_TEST_TMPDIR/bin have all commands but this one.
hide() {
    mkdir bin
    ln -sf /usr/sbin/* /usr/bin/* /bin/* bin/
    rm "bin/$1"
}

# hidden ARGUMENT...: relay-ca with nothing but those commands.
hidden() {
    PATH="$BATS_TEST_TMPDIR/bin" ca "$@"
}

@test "a built relay-ca prints its version, and one that is not built says dev" {
    run -0 "$BATS_TEST_DIRNAME/../bin/relay-ca" -V
    [ "$output" = "relay-ca dev" ]
    sed 's/@VERSION@/0.1.0/' "$BATS_TEST_DIRNAME/../bin/relay-ca" >built
    run -0 sh built -V
    [ "$output" = "relay-ca 0.1.0" ]
}

@test "-h names every command and the default directory" {
    run -0 "$relay_ca" -h
    for word in init server client renew revoke crl list /etc/vpn-warp/ca; do
        [[ $output == *"$word"* ]]
    done
}

@test "a wrong command line is refused with status 64 and one line" {
    fails 64 'no COMMAND'
    fails 64 'sign: no such command' sign
    fails 64 '-x: no such option' -x
    fails 64 'init' init one two
    ca init
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
    ca init
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
    ca init
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
    ca init
    ca server relay.example.org relay 192.0.2.1 ::1 2001:db8::5 1:2:3:4:5:6:7:8
    cert=$ca/server/relay.example.org/cert.pem
    [[ $(extension "$cert" subjectAltName) == *"    DNS:relay.example.org, DNS:relay, IP Address:192.0.2.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:5, IP Address:1:2:3:4:5:6:7:8" ]]
    verify server "$cert" -verify_hostname relay
    verify server "$cert" -verify_ip 192.0.2.1
    verify server "$cert" -verify_ip 2001:db8::5
    run ! verify server "$cert" -verify_hostname other.example.org
}

@test "a server may be known by its address only" {
    ca init
    ca server 2001:db8::5
    verify server "$ca/server/2001:db8::5/cert.pem" -verify_ip 2001:db8::5
    ca server 192.0.2.1
    verify server "$ca/server/192.0.2.1/cert.pem" -verify_ip 192.0.2.1
}

@test "a server certificate is good for 730 days, or for those of -D up to 825" {
    ca init
    ca server one
    openssl x509 -in "$ca/server/one/cert.pem" -noout -checkend $((729 * 86400))
    run ! openssl x509 -in "$ca/server/one/cert.pem" -noout -checkend $((731 * 86400))
    ca server -D 825 two
    openssl x509 -in "$ca/server/two/cert.pem" -noout -checkend $((824 * 86400))
    fails 65 'too many days' server -D 826 three
}

@test "names that are none of a server are refused with status 65" {
    ca init
    for name in 1.2.3 1.2.3.256 1.2.3.4.5 01.2.3.4 1::2::3 ::: 1:2:3 12345::1 g::1 1:2:3:4:5:6:7:8:9 \
        1:2:3:4::5:6:7:8 a@b a..b a. a-.b -a '*.example.org' "$(printf '%064d' 0).example.org"; do
        fails 65 'name' server good.example.org "$name"
    done
    [ ! -e "$ca/server" ]
}

@test "a client certificate is good for a client, and not for a server" {
    ca init
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
    ca init
    ca client one
    openssl x509 -in "$ca/client/one/cert.pem" -noout -checkend $((729 * 86400))
    run ! openssl x509 -in "$ca/client/one/cert.pem" -noout -checkend $((731 * 86400))
    ca client -D 3000 two
    openssl x509 -in "$ca/client/two/cert.pem" -noout -checkend $((2999 * 86400))
}

@test "days that are no number, too many, or longer than the CA lasts are refused with status 65" {
    ca init
    for days in 0 -1 1.5 ten '' 3651 99999 99999999999999999999; do
        fails 65 "-D $days" client -D "$days" laptop
    done
    fails 65 'the CA itself ends before' client -D 3650 laptop
    [ ! -e "$ca/client" ]
}

@test "a client's name may look like a mail address" {
    ca init
    ca client some.body_2@example.org
    verify client "$ca/client/some.body_2@example.org/cert.pem"
    run -0 ca list
    [[ ${lines[1]} == *" some.body_2@example.org "* ]]
}

@test "bad names are refused with status 65, and nothing is made" {
    ca init
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
    ca init
    ca client "$(printf '%064d' 0)"
}

@test "a name that has a certificate is refused with status 73, for either kind" {
    ca init
    ca client laptop
    before=$(snapshot)
    fails 73 'renew laptop' client laptop
    fails 73 'laptop' server laptop
    [ "$(snapshot)" = "$before" ]
}

@test "names that differ in case or are part of each other are different" {
    ca init
    for name in laptop Laptop lap laptop2 l.ptop; do
        ca client "$name"
    done
    ca revoke l.ptop
    [ "$(ca list | grep -c valid)" -eq 4 ]
}

@test "serial numbers are random" {
    ca init
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

@test "renew makes a new key and certificate and keeps the old ones, which remain good" {
    ca init
    ca client laptop
    dir=$ca/client/laptop
    old=$(serial "$dir/cert.pem")
    cp -p "$dir/cert.pem" "$dir/private.pem" .
    run -0 ca renew laptop
    [ "${#lines[@]}" -eq 2 ]
    [ "$(serial "$dir/cert.pem")" != "$old" ]
    [ "$(public_key "$dir/private.pem")" != "$(public_key private.pem)" ]
    [ "$(openssl x509 -in "$dir/cert.pem" -noout -pubkey)" = "$(public_key "$dir/private.pem")" ]
    cmp cert.pem "$dir/cert-$old.pem"
    cmp private.pem "$dir/private-$old.pem"
    verify client "$dir/cert.pem"
    verify client "$dir/cert-$old.pem"
    [ "$(ca list | grep -c 'laptop *client *valid')" -eq 2 ]
}

@test "renew keeps the kind and all the names of a server" {
    ca init
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
    ca init
    ca client laptop
    rm "$ca/client/laptop/private.pem"
    ca renew laptop
    [ -f "$ca/client/laptop/private.pem" ]
}

@test "renew and revoke of a name without a certificate are refused with status 66" {
    ca init
    ca client laptop
    fails 66 'desktop' renew desktop
    fails 66 'desktop' revoke desktop
    fails 66 'laptop' revoke laptop 0123456789
    ca revoke laptop
    fails 66 'laptop' renew laptop
    fails 66 'laptop' revoke laptop
}

@test "a revoked certificate is refused by the revocation list, and others are not" {
    ca init
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
    ca init
    ca client laptop
    old=$(serial "$ca/client/laptop/cert.pem")
    ca renew laptop
    ca revoke laptop
    run -2 verify client "$ca/client/laptop/cert.pem"
    run -2 verify client "$ca/client/laptop/cert-$old.pem"
}

@test "revoke with a serial number revokes only that certificate" {
    ca init
    ca client laptop
    old=$(serial "$ca/client/laptop/cert.pem")
    ca renew laptop
    ca revoke laptop "$old"
    verify client "$ca/client/laptop/cert.pem"
    run -2 verify client "$ca/client/laptop/cert-$old.pem"
    fails 73 'laptop' client laptop
}

@test "after revoke the name can have a new certificate, and the old files are kept" {
    ca init
    ca client laptop
    old=$(serial "$ca/client/laptop/cert.pem")
    ca revoke laptop
    ca client laptop
    verify client "$ca/client/laptop/cert.pem"
    run -2 verify client "$ca/client/laptop/cert-$old.pem"
    [ -f "$ca/client/laptop/private-$old.pem" ]
}

@test "after revoke a client's name can become a server's" {
    ca init
    ca client box
    ca revoke box
    ca server box
    ca renew box
    verify server "$ca/server/box/cert.pem"
}

@test "crl makes a newer list with the same entries, good for 30 days" {
    ca init
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
    ca init
    run -0 ca list
    [ "${#lines[@]}" -eq 1 ]
    [ "$(tr -s ' ' <<<"$output")" = "SERIAL NAME KIND STATUS NOTAFTER SHA256" ]
}

@test "list shows serial, name, kind, status, end and the fingerprint openssl has" {
    ca init
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
    ca init
    run -0 ca client laptop
    fingerprint=${lines[0]##* }
    [ "${#fingerprint}" -eq 64 ]
    [ "$(ca list | awk '$2 == "laptop" { print $6 }')" = "$fingerprint" ]
}

@test "list shows what has ended as expired, and what is revoked as revoked" {
    ca init
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
    ca init
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
    ca init
    ca client laptop
    verify client "$ca/client/laptop/cert.pem"
    fails 73 'laptop' client laptop
}

@test "two clients made at the same time both get their certificates" {
    ca init
    ca client one &
    first=$!
    ca client two &
    second=$!
    wait "$first"
    wait "$second"
    verify client "$ca/client/one/cert.pem"
    verify client "$ca/client/two/cert.pem"
    [ "$(ca list | grep -c valid)" -eq 2 ]
}

@test "of two commands for the same name at the same time one succeeds" {
    ca init
    ca client one &
    first=$!
    ca client one &
    second=$!
    succeeded=0
    ! wait "$first" || succeeded=$((succeeded + 1))
    ! wait "$second" || succeeded=$((succeeded + 1))
    [ "$succeeded" -eq 1 ]
    [ "$(ca list | grep -c valid)" -eq 1 ]
}

@test "without flock two clients made at the same time both get their certificates" {
    hide flock
    hidden init
    hidden client one &
    first=$!
    hidden client two &
    second=$!
    wait "$first"
    wait "$second"
    [ "$(ca list | grep -c valid)" -eq 2 ]
    [ ! -e "$ca/.lock.d" ]
}

@test "without flock the lock of a process that is no more does not block" {
    hide flock
    ca init
    true &
    wait $!
    mkdir -p "$ca/.lock.d/$!"
    hidden client laptop
    verify client "$ca/client/laptop/cert.pem"
    [ ! -e "$ca/.lock.d" ]
}

@test "without flock the lock of a process that lives is respected with status 75" {
    hide flock
    ln -sf "$(command -v true)" bin/sleep
    ca init
    mkdir -p "$ca/.lock.d/$$"
    run --separate-stderr -75 hidden client laptop
    [[ $stderr == "relay-ca: $ca: another relay-ca is at work"* ]]
    [ -d "$ca/.lock.d/$$" ]
}

@test "without flock a lock that names no process blocks only once" {
    hide flock
    ln -sf "$(command -v true)" bin/sleep
    ca init
    mkdir "$ca/.lock.d"
    run -75 hidden client laptop
    hidden client laptop
}

@test "a directory that is busy for too long is status 75" {
    ca init
    wrap flock <<<'#!/bin/sh
exit 1'
    run --separate-stderr -75 wrapped client laptop
    [[ $stderr == "relay-ca: $ca: another relay-ca is at work"* ]]
}

@test "whichever call of openssl fails, the command fails in one line and changes nothing" {
    wrap_nth openssl 'echo made to fail >&2; exit 1'
    for command in init 'server relay 192.0.2.1' 'client laptop' 'renew relay' 'renew laptop' 'revoke laptop' crl list; do
        mkdir -p "$ca"
        before=$(snapshot)
        n=1
        # shellcheck disable=SC2086 # a command is several words
        until run --separate-stderr nth $n $command && [ "$status" -eq 0 ]; do
            [ "${#stderr_lines[@]}" -eq 1 ]
            [[ $stderr == 'relay-ca: '* ]]
            [ "$(snapshot)" = "$before" ]
            n=$((n + 1))
            [ "$n" -lt 20 ]
        done
        # The last round was without a failure, so there was at least one with.
        [ "$n" -gt 1 ]
        [ "$(cat count)" -eq $((n - 1)) ]
    done
}

@test "whichever call of openssl is the last before relay-ca is killed, the next command goes on" {
    # The configuration is in .work.PID, where PID is that of relay-ca.
    wrap_nth openssl 'pid=${OPENSSL_CONF#*.work.}; kill -KILL "${pid%%/*}"; exit 1'
    ca init
    ca client laptop
    for n in 1 2 3 4 5 6; do
        run nth $n renew laptop
        run -0 ca list
        [ "$(grep -c valid <<<"$output")" -le $((n + 1)) ]
        [ -z "$(find "$ca" -name '.work*' -o -name .commit)" ]
        verify client "$ca/client/laptop/cert.pem"
    done
    ca renew laptop
}

@test "a signal ends relay-ca with status 130 and changes nothing" {
    wrap_nth openssl 'pid=${OPENSSL_CONF#*.work.}; kill -TERM "${pid%%/*}"'
    ca init
    ca client laptop
    before=$(snapshot)
    run -130 nth 3 renew laptop
    [ "$(snapshot)" = "$before" ]
    [ -z "$(find "$ca" -name '.work*')" ]
}

@test "a change that cannot be put in place as a whole is finished by the next command" {
    wrap_nth mv 'exit 1'
    ca init
    ca client laptop
    before=$(snapshot)
    run -70 nth 1 renew laptop
    [ "$(snapshot)" = "$before" ]
    for n in 2 3 4 5 6; do
        old=$(serial "$ca/client/laptop/cert.pem")
        run --separate-stderr -74 nth $n renew laptop
        [[ $stderr == *"the change is made"* ]]
        [ "$(ca list | grep -c valid)" -eq "$n" ]
        [ "$(serial "$ca/client/laptop/cert.pem")" != "$old" ]
        [ -f "$ca/client/laptop/cert-$old.pem" ]
        [ "$(openssl x509 -in "$ca/client/laptop/cert.pem" -noout -pubkey)" = "$(public_key "$ca/client/laptop/private.pem")" ]
        [ ! -e "$ca/.commit" ]
    done
}

@test "files that openssl left incomplete are not taken, although it said nothing" {
    ca init
    ca client laptop
    before=$(snapshot)
    for file in cert.pem private.pem index.txt request.pem; do
        wrap openssl <<EOF
#!/bin/sh
REAL "\$@" || exit
find HERE/ca/.work.* -name $file -exec truncate -s -5 {} +
EOF
        run --separate-stderr -74 wrapped renew laptop
        [[ $stderr == *"free some space"* ]]
        [ "$(snapshot)" = "$before" ]
    done
    for file in crl.pem crlnumber; do
        wrap openssl <<EOF
#!/bin/sh
REAL "\$@" || exit
find HERE/ca/.work.* -name $file -exec truncate -s 0 {} +
EOF
        run --separate-stderr -74 wrapped crl
        [ "$(snapshot)" = "$before" ]
    done
}

@test "what an earlier run left in the directory is removed" {
    ca init
    mkdir -p "$ca/.work.1/new/client/old"
    ca client laptop
    [ -z "$(find "$ca" -name '.work*')" ]
    [ ! -e "$ca/client/old" ]
}

@test "without openssl the status is 69" {
    ca init
    hide openssl
    run --separate-stderr -69 hidden list
    [ "$stderr" = 'relay-ca: openssl: not found: install openssl' ]
}

@test "the examples of the manual work" {
    manual=$BATS_TEST_DIRNAME/../man/relay-ca.1
    sed -n '/^\.Bd -literal/,/^\.Ed/s/^[#$] //p' "$manual" >examples
    [ "$(grep -c relay-ca examples)" -eq 10 ]
    mkdir bin
    printf '#!/bin/sh\nexec "%s" -d "%s" "$@"\n' "$relay_ca" "$ca" >bin/relay-ca
    chmod 755 bin/relay-ca
    PATH="$BATS_TEST_TMPDIR/bin:$PATH" run -0 sh -e examples
    verify client "$ca/client/laptop/cert.pem"
    verify server "$ca/server/relay.example.org/cert.pem" -verify_ip 2001:db8::1
    ca=$BATS_TEST_TMPDIR/try
    verify client try/client/somebody@example.org/cert.pem
}
