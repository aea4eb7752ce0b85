#!/usr/bin/env bats
# What is packed for somebody who helps, and that no key is in it.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator

# key_bodies: a line of each private key that there is.
key_bodies() {
    find "$scratch" "$pki" -name '*.pem' -exec awk '
        /BEGIN .*PRIVATE KEY/ { inside = 1; next }
        /END .*PRIVATE KEY/ { inside = 0 }
        inside && length > 40' {} + | sort -u
}

@test "diag packs what relayctl says, the host's limits and the files, for its owner alone" {
    start_relay listen
    live
    run -0 ctl diag diag.tar
    [ "$output" = 'diag.tar: 16 files, and no key: look at them before you send them' ]
    [ "$(stat -c %a diag.tar)" -eq 600 ]
    tar -xf diag.tar
    run -0 find vpn-warp-diag -type f -printf '%f %m\n'
    [ "$(sort <<<"$output" | xargs)" = 'agents.json 600 agents.txt 600 check.txt 600 customers 600 customers-used.json 600 customers-used.txt 600 host.txt 600 limits.txt 600 metrics.txt 600 recent.json 600 recent.txt 600 relay.conf 600 sessions.json 600 sessions.txt 600 status.json 600 status.txt 600' ]
    cd vpn-warp-diag
    grep -E '^[0-9a-f]{8} +alice ' sessions.txt
    jq -e '.sessions[0].customer == "alice"' sessions.json
    jq -e '.status.sessions == 1' status.json
    grep -E '^ok +broker ' check.txt
    grep -x 'vpn_warp_customer_sessions{customer="alice"} 1' metrics.txt
    grep -F "$("$scratch/bin/relayctl" --version)" host.txt
    grep "^OpenSSL " host.txt
    grep '^Linux version ' host.txt
    grep '^Max open files' limits.txt
    diff "$scratch/relay.conf" <(tail -n +2 relay.conf)
    diff "$scratch/customers" <(tail -n +2 customers)
    # another reader of such archives finds the same
    python3 -c 'import sys, tarfile; print("\n".join(m.name for m in tarfile.open(sys.argv[1]) if m.mode == 0o600))' \
        ../diag.tar | grep -x vpn-warp-diag/status.txt
}

@test "no key and no passphrase is in it, not even one that was put into a file of it" {
    start_relay listen
    mkdir encrypted
    openssl pkey -in alice/private.pem -aes-256-cbc -passout pass:correct-horse -out encrypted/private.pem
    echo correct-horse >encrypted/passphrase
    {
        echo '# somebody kept it here:'
        sed 's/^/# /' bob/private.pem
        echo '# and this as well'
        sed 's/^/# /' encrypted/private.pem
        echo '# the last line'
    } >>customers
    ctl diag diag.tar
    key_bodies >keys
    [ "$(wc -l <keys)" -ge 8 ]
    run -1 grep -cFf keys diag.tar
    run -1 grep -ac 'PRIVATE KEY\|correct-horse' diag.tar
    tar -xOf diag.tar vpn-warp-diag/customers >copied
    [ "$(grep -c '^# a key, left out$' copied)" -eq 2 ]
    grep -x '# and this as well' copied
    grep -x '# the last line' copied
}

@test "it writes over nothing, follows no link, and goes without a broker" {
    echo untouched >victim
    run -73 ctl diag victim
    [ "$output" = 'relayctl: victim: File exists' ]
    ln -s victim link
    ln -s new dangling
    run -73 ctl diag link
    run -73 ctl diag dangling
    [ "$(cat victim)" = untouched ]
    [ ! -e new ]
    run -73 ctl diag missing/diag.tar
    run -64 ctl diag
    stop broker
    run -0 ctl diag alone.tar
    [ "$(tar -tf alone.tar | sort | xargs)" = 'vpn-warp-diag/check.txt vpn-warp-diag/customers vpn-warp-diag/host.txt vpn-warp-diag/relay.conf' ]
    tar -xOf alone.tar vpn-warp-diag/check.txt | grep 'is relay-broker running?$'
}
