# Debian's chromium, with a client certificate. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

needs_chromium() {
    command -v chromium >/dev/null || skip 'needs chromium'
    command -v certutil >/dev/null || skip 'needs certutil of libnss3-tools'
    is_root || skip 'needs root, for a policy of chromium'
    unshare -m true || skip 'needs a mount namespace'
}

# make_store NAME: its certificate, in the store that chromium reads, which is in
# its user's home.
make_store() {
    local name=$1
    mkdir -p home/.pki/nssdb profile
    certutil -d sql:home/.pki/nssdb -N --empty-password
    certutil -d sql:home/.pki/nssdb -A -n relay -t C,, -i ca.pem
    openssl pkcs12 -export -in "$name/cert.pem" -inkey "$name/private.pem" -name "$name" \
        -passout pass: -out "$name.p12"
    pk12util -d sql:home/.pki/nssdb -i "$name.p12" -W ''
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

# look: runs the script on stdin with devtools.py, in the browser that was started.
look() {
    take_script look.py
    timeout 250 python3 -SB "$tests/lib/devtools.py" look.py profile 3>&-
}
