# A table of customers, and the administrator's tool. To be loaded after
# helpers.
#
# shellcheck shell=bash disable=SC2154

# ctl [ARGUMENT...]: relayctl, on this test's broker.
ctl() {
    timeout 60 "$scratch/bin/relayctl" -c "$scratch/relay.conf" "$@" 3>&-
}

# fingerprint NAME: of that client's certificate, as customers(5) has it.
fingerprint() {
    openssl x509 -in "$scratch/$1/cert.pem" -outform DER | sha256sum | sed 's/^/sha256:/; s/ .*//'
}

# identity NAME: what the relay calls it, as its logs have it.
identity() {
    python3 -SB "$tests/lib/twin.py" identity <"$scratch/$1/cert.pem"
}

# customer NAME LINE...: a section for the certificate of the client NAME.
customer() {
    local name=$1
    shift
    printf '%s\n' "[$name]" "certificate = $(fingerprint "$name")" "$@" >>"$scratch/customers"
    give "$scratch/customers"
}

# no_customers: an empty table, which relay.conf names.
no_customers() {
    : >"$scratch/customers"
    give "$scratch/customers"
    configure 'customers = customers'
}

# in_seconds SECONDS: that point in time, as customers(5) has it.
in_seconds() {
    date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ
}

# has_sessions N: that many are live.
has_sessions() {
    [ "$(status_of sessions)" -eq "$1" ]
}
