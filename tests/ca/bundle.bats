#!/usr/bin/env bats
# relay-ca client --bundle: one file for a client, warp(5).
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/authority

# a_relay: a CA with a relay of two names.
a_relay() {
    have_ca
    ca server relay.example.org 192.0.2.1
}

# says_relay NAME PLACE: the file of that client names this relay.
says_relay() {
    [ "$(sed -n 's/^relay = //p' "$ca/client/$1/$1.warp" | xargs)" = "$2" ]
}

@test "--bundle makes a closed file of key, certificate, authority and relay, and says what to do with it" {
    a_relay
    run -0 ca client --bundle laptop
    file=$ca/client/laptop/laptop.warp
    [ "${lines[1]}" = "$file" ]
    [[ $output == *'# relayagent --install laptop.warp '* ]]
    [[ $output == *'relay-stone laptop.warp 8080'* ]]
    [ "$(stat -c %a "$file")" = 600 ]
    says_relay laptop relay.example.org:443
    grep '^# Whoever has this file' "$file"
    grep "^# laptop, until $(date -u -d '730 days' +%Y-%m-)" "$file"
    [ "$(grep -c BEGIN "$file")" -eq 3 ]
    # what reads PEM skips the preamble
    openssl pkey -in "$file" -noout
    [ "$(openssl x509 -in "$file" -noout -subject -nameopt RFC2253)" = subject=CN=laptop ]
    # the separate files are there as well
    verify client "$ca/client/laptop/cert.pem"
    diff <(public_key "$file") <(public_key "$ca/client/laptop/private.pem")
}

@test "the programs take it as it is" {
    [ -x "${relay_ca%/*}/relayagent" ] || skip 'needs the built programs'
    a_relay
    ca client --bundle laptop
    run -0 "${relay_ca%/*}/relayagent" -t "$ca/client/laptop/laptop.warp" intra:80
    run -0 "${relay_ca%/*}/relay-stone" -t "$ca/client/laptop/laptop.warp" 8080
}

@test "the relay is the one that there is, with the port of its relay.conf, or what --relay says" {
    have_ca
    fails 66 'no relay has a certificate yet: run relay-ca' client --bundle a
    ca server relay.example.org 192.0.2.1 2001:db8::1
    echo 'listen = 0.0.0.0:8443' >relay.conf
    ca client --bundle a
    says_relay a relay.example.org:8443
    ca client b --relay 192.0.2.1
    says_relay b 192.0.2.1:8443
    ca client --relay '[2001:db8::1]:444' c
    says_relay c '[2001:db8::1]:444'
    ca client --relay 2001:db8::1 d
    says_relay d '[2001:db8::1]:8443'
    before=$(snapshot)
    fails 65 "other.example.org: no relay's certificate has that name" client --relay other.example.org e
    fails 65 '--relay relay.example.org:x: not a port' client --relay relay.example.org:x e
    fails 64 '--relay: no value' client e --relay
    [ "$(snapshot)" = "$before" ]
    ca server second.example.org
    fails 64 'there are several relays: say which one with --relay' client --bundle e
    ca client --relay second.example.org e
    says_relay e second.example.org:8443
    ca client --relay relay.example.org,second.example.org:444 f
    says_relay f 'relay.example.org:8443 second.example.org:444'
    ca renew f
    says_relay f 'relay.example.org:8443 second.example.org:444'
    fails 65 "other.example.org: no relay's certificate has that name" client \
        --relay second.example.org,other.example.org g
}

@test "a client that was made before gets its file, and renew makes it anew" {
    a_relay
    ca client laptop
    run -0 ca client --bundle laptop
    file=$ca/client/laptop/laptop.warp
    diff <(public_key "$file") <(public_key "$ca/client/laptop/private.pem")
    old=$(public_key "$file")
    ca client --relay 192.0.2.1:444 laptop
    ca renew laptop
    [ "$(public_key "$file")" != "$old" ]
    diff <(public_key "$file") <(public_key "$ca/client/laptop/private.pem")
    says_relay laptop 192.0.2.1:444
    [ "$(stat -c %a "$file")" = 600 ]
    ca client plain
    ca renew plain
    [ ! -e "$ca/client/plain/plain.warp" ]
}

@test "--encrypt asks for a passphrase twice, and without one makes nothing" {
    a_relay
    printf '%s\n' 'open sesame' 'open sesame' >twice
    ca client --encrypt laptop <twice
    file=$ca/client/laptop/laptop.warp
    grep 'BEGIN ENCRYPTED PRIVATE KEY' "$file"
    openssl pkey -in "$file" -passin 'pass:open sesame' -noout
    before=$(snapshot)
    refused() {
        printf '%b' "$1" >twice
        fails 65 "$2" client --encrypt second <twice
    }
    refused '' 'no passphrase: give one, twice'
    refused 'open sesame\n' 'no passphrase: give one, twice'
    refused 'open sesame\nsesame, open\n' 'not twice the same'
    refused 'sesame\nsesame\n' 'too short: use 8 characters'
    [ "$(snapshot)" = "$before" ]
    # as it was closed before, so it stays
    printf '%s\n' 'sesame, open' 'sesame, open' >twice
    ca renew laptop <twice
    openssl pkey -in "$file" -passin 'pass:sesame, open' -noout
}

@test "bash completes commands, options and names" {
    a_relay
    ca client laptop
    ca client --bundle desktop
    cat >complete <<'SCRIPT'
PATH=$1:$PATH
source "$2"
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_relay_ca
printf '%s\n' "${COMPREPLY[@]}"
SCRIPT
    completed() {
        bash complete "${relay_ca%/*}" "$BATS_TEST_DIRNAME/../../bin/completions/relay-ca.bash" relay-ca "$@"
    }
    [ "$(completed cl)" = client ]
    [ "$(completed client --b)" = --bundle ]
    [ "$(completed -d "$ca" renew de)" = desktop ]
    [ "$(completed -d "$ca" revoke rel)" = relay.example.org ]
}
