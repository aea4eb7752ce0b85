#!/usr/bin/env bats
# A customer gets one more certificate, in one step: what "relayctl customer"
# writes, what it refuses, and that nothing is ever half done.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/customers

setup_file() {
    make_pki alice bob carol
}

setup() {
    prepare
    no_customers
    customer alice 'nusers = 5'
    customer bob
    # in most tests there is no relay-listen, and a reload shall not miss it
    sed -i '/^listen/d' relay.conf
    start_broker
    cp -p customers before
}

# unchanged: the table is the one that it was, and alone.
unchanged() {
    diff before customers
    [ "$(stat -c '%U %a %i' customers)" = "$was" ]
    [ "$(echo customers*)" = customers ]
}

# refused STATUS TEXT ARGUMENT...: and nothing is changed by it.
refused() {
    local status=$1 text=$2 was reloads
    shift 2
    was=$(stat -c '%U %a %i' customers)
    reloads=$(status_of reloads_total)
    run -"$status" ctl customer "$@"
    # shellcheck disable=SC2053
    [[ $output == "relayctl: "$text ]] || {
        echo "said $output, not $text"
        return 1
    }
    unchanged
    [ "$(status_of reloads_total)" -eq "$reloads" ]
}

# ---- what it is for ----------------------------------------------------------

# renewed_by FOLDER: alice's new certificate, of a CA there, comes to the relay,
# while her poll with the old one waits.
renewed_by() {
    cp -r "$pki" "$1/ca"
    "$built/relay-ca" -d "$1/ca" renew alice
    mkdir renewed
    cp "$1"/ca/client/alice/cert.pem "$1"/ca/client/alice/private.pem renewed
    give renewed
    start_play renewal <<'SCRIPT'
old = poll("alice")
at_point("waiting")
def meet(agent, client):
    head_of_stone(agent)
    agent.send(OK)
    assert client.head() == OK
    client.send(b"up")
    assert agent.read(2) == b"up"
meet(old, stone("renewed"))
meet(poll("renewed"), stone("alice"))
meet(poll("renewed"), stone("renewed"))
meet(poll("alice"), stone("alice"))
SCRIPT
    await_point renewal waiting
    run -0 ctl customer alice "$1/ca/client/alice/cert.pem"
    [ "${lines[0]}" = "$(fingerprint renewed) $2 [alice]" ]
    [[ ${lines[1]} == *' checked, 0 ended' ]]
    [ "$(grep -c "$(fingerprint renewed)" customers)" -eq 1 ]
    go_on waiting
    ended_well renewal
    [ "$(grep -c ' paired .*customer=alice ' broker.log)" -eq 4 ]
}

@test "after relay-ca renew and relayctl customer the old and the new certificate meet" {
    configure "listen = 127.0.0.1:$relay_port"
    start_relay listen
    # beside the table, relay-ca has written it
    renewed_by . 'is already in'
}

@test "the same with a CA on another host" {
    configure "listen = 127.0.0.1:$relay_port"
    start_relay listen
    mkdir other
    renewed_by other 'added to'
}

@test "the certificate comes to its section, and all else stays as it was" {
    printf '# the end, without a newline' >>customers
    chmod 640 customers
    local was
    was=$(stat -c '%U:%G %a' customers)
    ctl customer alice "$(fingerprint carol)"
    diff customers - <<END
[alice]
certificate = $(fingerprint carol)
certificate = $(fingerprint alice)
nusers = 5
[bob]
certificate = $(fingerprint bob)
# the end, without a newline
END
    [ "$(stat -c '%U:%G %a' customers)" = "$was" ]
    [ "$(echo customers*)" = customers ]
}

@test "a customer without a section gets one, and one behind a link stays behind it" {
    mkdir elsewhere
    mv customers elsewhere/table
    ln -s elsewhere/table customers
    ctl customer carol carol/cert.pem
    [ -L customers ]
    diff elsewhere/table - <<END
$(cat before)

[carol]
certificate = $(fingerprint carol)
END
    [ "$(ctl --json customers | jq -r '.customers[] | select(.name == "carol").present')" = true ]
    : >elsewhere/table
    ctl customer carol carol/cert.pem
    diff elsewhere/table - <<END
[carol]
certificate = $(fingerprint carol)
END
}

@test "a second time nothing is written, but the relay reads the table again" {
    printf 'certificate = %s\n' "$(fingerprint carol)" >>customers
    cp -p customers before
    local was
    was=$(stat -c '%U %a %i' customers)
    run -0 ctl customer bob "$(fingerprint carol | tr a-f A-F | sed 's/SHA/sha/; s/shA/sha/')"
    [ "${lines[0]}" = "$(fingerprint carol) is already in [bob]" ]
    [[ ${lines[1]} == *' checked, 0 ended, no relay-listen' ]]
    unchanged
    [ "$(status_of reloads_total)" -eq 1 ]
    run -0 ctl --json customer bob carol/cert.pem
    jq -e '.version == 1 and (.result | .command == "customer" and .ok and .count == 0 and .changed == false
        and .text == "0 checked, 0 ended, no relay-listen")' <<<"$output"
    unchanged
}

@test "--json says what has changed" {
    run -0 ctl --json customer bob carol/cert.pem
    jq -e '.result.ok and .result.changed' <<<"$output"
}

@test "of many at the same time none is lost" {
    local i
    for i in {10..29}; do
        start "add$i" "$scratch/bin/relayctl" -c relay.conf customer "c$i" \
            "sha256:$(printf "$i%.0s" {1..32})"
    done
    for i in {10..29}; do
        await_end "add$i"
    done
    [ "$(grep -c '^\[c..\]$' customers)" -eq 20 ]
    "$scratch/bin/relay-broker" -t -c relay.conf
}

# ---- what it refuses ---------------------------------------------------------

@test "what is no certificate or no name is refused" {
    local hex
    hex=$(fingerprint carol)
    refused 65 'sha256:12: not of the form sha256:<64 hex digits>' alice sha256:12
    refused 65 "${hex}0: not of the form sha256:<64 hex digits>" alice "${hex}0"
    refused 65 "${hex/%?/g}: not of the form sha256:<64 hex digits>" alice "${hex/%?/g}"
    refused 66 'missing.pem: No such file or directory' alice missing.pem
    refused 66 'relay.conf: no certificate in it' alice relay.conf
    refused 66 'private.pem: no certificate in it' alice private.pem
    refused 66 'alice: not a regular file*' alice alice
    refused 65 "a b: a customer's name is 1 to 63 letters, digits and ._@:-" 'a b' "$hex"
    refused 65 ': a customer*' '' "$hex"
    refused 65 '*: a customer*' "$(printf '%064d' 0)" "$hex"
    refused 65 '[[]default] is for the certificates that no section names' default "$hex"
}

@test "a certificate of another customer is refused, with whose it is" {
    refused 65 "this certificate is in [[]bob] already: see $scratch/customers" alice bob/cert.pem
    refused 65 "this certificate is in [[]bob] already: see $scratch/customers" carol "$(fingerprint bob)"
}

@test "a table that is broken, missing or not named is left alone" {
    sed -i 's/nusers = 5/nusers = many/' customers
    cp -p customers before
    refused 78 "$scratch/customers:3: nusers: many is not 0 to 999999" alice carol/cert.pem
    mv customers away
    run -78 ctl customer alice carol/cert.pem
    [ "$output" = "relayctl: $scratch/customers: No such file or directory" ]
    [ ! -e customers ]
    mv away customers
    sed -i '/^customers/d' relay.conf
    refused 78 "$scratch/relay.conf: no customers line" alice carol/cert.pem
}

@test "a table that has no room or may not be written stays whole" {
    # no file that it writes may grow
    full() {
        (
            trap '' XFSZ
            ulimit -f 0
            exec "$scratch/bin/relayctl" -c "$scratch/relay.conf" "$@"
        )
    }
    local was
    was=$(stat -c '%U %a %i' customers)
    run -74 full customer alice carol/cert.pem
    [[ $output == "relayctl: $scratch/customers."*': File too large' ]]
    unchanged
    is_root || skip 'the rest needs root'
    configure 'admin_group = daemon'
    # the socket has its group from the start
    stop broker
    start_broker
    local as=(timeout 60 setpriv --reuid=65533 --regid=daemon --clear-groups)
    run -73 "${as[@]}" "$scratch/bin/relayctl" -c relay.conf customer alice "$(fingerprint carol)"
    [ "$output" = "relayctl: $scratch/customers: Permission denied" ]
    unchanged
    # nor may who may write it make another beside it
    chown 65533 customers
    cp -p customers before
    was=$(stat -c '%U %a %i' customers)
    run -73 "${as[@]}" "$scratch/bin/relayctl" -c relay.conf customer alice "$(fingerprint carol)"
    [[ $output == "relayctl: $scratch/customers."*': Permission denied' ]]
    unchanged
}

@test "without a broker, or where it refuses, nothing is written" {
    local was
    was=$(stat -c '%U %a %i' customers)
    if is_root; then
        chmod 666 customers
        chmod 777 .
        cp -p customers before
        was=$(stat -c '%U %a %i' customers)
        run -77 timeout 60 setpriv --reuid=65533 --regid=65533 --clear-groups \
            "$scratch/bin/relayctl" -c relay.conf customer alice carol/cert.pem
        unchanged
    fi
    stop broker
    run -69 ctl customer alice carol/cert.pem
    unchanged
}

@test "if the reload fails the certificate is in the table, and both are said" {
    configure 'nonsense = 1'
    run ctl customer alice carol/cert.pem
    [ "$status" -eq 78 ]
    diff before customers
    sed -i '/^nonsense/d' relay.conf
    configure 'admin_group = no-such-group'
    run -1 ctl customer alice carol/cert.pem
    [ "${lines[0]}" = "$(fingerprint carol) added to [alice]" ]
    [ "${lines[1]}" = 'relayctl: admin_group no-such-group: no such group' ]
    run -1 ctl --json customer alice carol/cert.pem
    jq -e '.result | (.ok | not) and .changed == false and (.text | contains("no-such-group"))' <<<"$output"
}
