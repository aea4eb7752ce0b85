# A token, as SoftHSM is one in $scratch/tokens, for tests of relay-keyd. To be
# loaded after helpers. Its owner is relay-keyd's user.
#
# A program has no environment to say where SoftHSM's file is, so it gets an
# /etc/softhsm of its own.
#
# shellcheck shell=bash disable=SC2016,SC2154

token_pin=728416
token_uri='pkcs11:token=relay?pin-source=pin'

# needs_token: or skips the test.
needs_token() {
    own_tokens=(unshare -m)
    is_root || own_tokens=(unshare -rm)
    command -v softhsm2-util >/dev/null || skip 'needs softhsm2'
    timeout 60 "${own_tokens[@]}" mount --bind "$scratch" /etc/softhsm 2>/dev/null ||
        skip 'needs a mount namespace'
}

# make_token: without a key.
make_token() {
    mkdir softhsm tokens
    printf '%s\n' "directories.tokendir = $scratch/tokens" 'objectstore.backend = file' \
        'log.level = ERROR' >softhsm/softhsm2.conf
    echo "$token_pin" >pin
    chmod 600 pin
    by_token --init-token --free --label relay --so-pin 12345678 --pin "$token_pin"
}

# import_key FILE LABEL
import_key() {
    by_token --import "$1" --token relay --label "$2" --id "$(printf %s "$2" | xxd -p)" --pin "$token_pin"
}

# by_token OPTION...: softhsm2-util, as whom relay-keyd runs as.
by_token() {
    SOFTHSM2_CONF=$scratch/softhsm/softhsm2.conf softhsm2-util "$@"
    ! is_root || chown -R "$keyd_user" pin tokens
} >/dev/null

# with_token COMMAND...: COMMAND finds the token.
with_token() {
    (exec_with_token "$@")
}

exec_with_token() {
    exec "${own_tokens[@]}" sh -c 'mount --bind "$1/softhsm" /etc/softhsm && shift && exec "$@"' \
        sh "$scratch" "$@"
}

# use_key URI: in relay.conf.
use_key() {
    sed -i "s|^key = .*|key = $1|" relay.conf
}

# start_token_keyd: relay-keyd, whose key is on the token.
start_token_keyd() {
    use_key "$token_uri"
    grep -q '^token_folder = ' relay.conf || configure 'token_folder = tokens'
    grep -q '^keyd = ' relay.conf ||
        configure 'keyd = keyd/keyd.sock' "keyd_user = $keyd_user"
    : >keyd.log
    mkdir -p keyd
    ! is_root || chown "$keyd_user" keyd
    start keyd exec_with_token "$scratch/bin/relay-keyd" -c "$scratch/relay.conf"
    await_start keyd says keyd ' start '
}
