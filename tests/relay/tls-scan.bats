#!/usr/bin/env bats
# What the scanners of Debian, sslscan and testssl.sh, say of the relay's TLS.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/faults

setup_file() {
    make_pki alice
}

setup() {
    prepare
    configure 'tls_timeout = 10' 'head_timeout = 2'
}

# enabled: the versions that sslscan gets through with.
enabled() {
    sslscan --no-colour --no-compression --no-heartbleed "$@" "127.0.0.1:$relay_port" 3>&- |
        sed -n 's/^\(\(SSL\|TLS\)v[0-9.]*\) *enabled.*/\1/p' | paste -s -d' '
}

only_13() {
    [ "$(enabled)" = TLSv1.3 ]
    [ "$(enabled --pk="$scratch/alice/private.pem" --certs="$scratch/alice/cert.pem")" = TLSv1.3 ]
}

@test "sslscan finds TLS 1.3 and nothing older" {
    command -v sslscan >/dev/null || skip 'needs sslscan'
    through_each_spawner only_13
}

# scanned: nothing that testssl.sh rates above LOW, and it has looked. That each
# cipher is tried for itself takes as long as all else: "make faults" does it.
scanned() {
    local more=()
    [ "$rounds" -le 2 ] || more=(--each-cipher)
    rm -f scan.json
    # its exit status counts findings of any kind
    timeout 560 testssl --quiet --color 0 --warnings off --ip one \
        --protocols --server-defaults --server-preference --fs --vulnerable "${more[@]}" \
        --add-ca "$scratch/ca.pem" --jsonfile scan.json "127.0.0.1:$relay_port" >scan.log 2>&1 3>&- </dev/null || :
    # a private CA has no place where the world may ask for its list, nor the limit
    # of days that browsers set to public ones
    jq -r '.[] | select(.id != "cert_revocation" and .id != "cert_extlifeSpan") | select(.severity == "MEDIUM" or .severity == "HIGH" or .severity == "CRITICAL")
        | "\(.severity) \(.id): \(.finding)"' scan.json >scan.bad
    cat scan.bad
    [ "$(wc -l <scan.bad)" -eq 0 ]
    jq -e 'map(select(.id == "TLS1_3" and .severity == "OK")) | length == 1' scan.json
    jq -e 'map(select(.id | test("^(SSLv2|SSLv3|TLS1|TLS1_1|TLS1_2)$"))
        | select(.finding | test("not offered"))) | length == 5' scan.json
    note "testssl.sh: $(jq -r 'group_by(.severity) | map("\(.[0].severity) \(length)") | join(", ")' scan.json)"
}

# bats test_tags=slow
@test "testssl.sh finds nothing above LOW" {
    command -v testssl >/dev/null || skip 'needs testssl.sh'
    # it takes minutes, so the suite scans one of them
    if [ "$rounds" -gt 2 ]; then
        through_each_spawner scanned
    else
        start_broker
        start_relay listen
        scanned
    fi
}
