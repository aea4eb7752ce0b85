#!/usr/bin/env bats
# A real browser as the client: Debian's chromium, with a client certificate in
# its NSS store, through the relay to a web server that knows but one Host.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

setup() {
    command -v chromium >/dev/null || skip 'needs chromium'
    command -v certutil >/dev/null || skip 'needs certutil of libnss3-tools'
    is_root || skip 'needs root, for a policy of chromium'
    unshare -m true || skip 'needs a mount namespace'
    prepare
    web_port=$(free_port)
}

# The store that chromium reads is in its user's home.
make_store() {
    mkdir -p home/.pki/nssdb profile
    certutil -d sql:home/.pki/nssdb -N --empty-password
    certutil -d sql:home/.pki/nssdb -A -n relay -t C,, -i ca.pem
    openssl pkcs12 -export -in alice/cert.pem -inkey alice/private.pem -name alice \
        -passout pass: -out alice.p12
    pk12util -d sql:home/.pki/nssdb -i alice.p12 -W ''
} >/dev/null

# start_browser URL: with a policy that takes the certificate without asking. Policies
# are in a folder of the system, so it gets a mount of its own.
start_browser() {
    mkdir -p policies/managed
    echo "{\"AutoSelectCertificateForUrls\": [\"{\\\"pattern\\\":\\\"https://127.0.0.1:$relay_port\\\",\\\"filter\\\":{}}\"]}" \
        >policies/managed/relay.json
    chmod -R a+rX policies
    # shellcheck disable=SC2016
    HOME=$scratch/home start browser timeout 280 unshare -m bash -c '
        mkdir -p /etc/chromium/policies
        mount --bind "$1/policies" /etc/chromium/policies
        exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
            --disable-background-networking --disable-component-update --disable-sync \
            --disable-dev-shm-usage --remote-debugging-port=0 \
            --user-data-dir="$1/profile" "$2"' browse "$scratch" "$1"
}

@test "a browser loads a page with images, and talks over a WebSocket" {
    make_store
    start_broker
    start_relay listen
    start web python3 -SB "$tests/lib/web.py" "$web_port" intra "$scratch/heads"
    wait_until 60 listening "$web_port"
    printf '%s\n' '-h intra' '-m 4' "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "127.0.0.1:$web_port" >agent.conf
    start agent bin/relayagent -C agent.conf
    wait_until 60 says agent ' waiting '
    start_browser "https://127.0.0.1:$relay_port/"
    wait_until 250 grep -sE '^GET /result\?' heads
    grep -F 'GET /result?images=2&socket=there%20and%20back HTTP/1.1' heads
    [ "$(grep -c '^Host: ' heads)" -eq "$(grep -c '^Host: intra' heads)" ]
    grep -i '^Upgrade: websocket' heads
}
