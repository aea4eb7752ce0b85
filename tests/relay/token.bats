#!/usr/bin/env bats
# The relay's key lies on a token, as SoftHSM is one, and relay-keyd has that sign.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/keyd
load ../lib/token

setup_file() {
    make_pki alice
    cp -r "$pki" "$pki.renewed"
    "$built/relay-ca" -d "$pki.renewed" renew 127.0.0.1 >/dev/null
}

setup() {
    prepare
    needs_token
}

# with_key FILE LABEL: a relay whose key is this one, on a token, and nowhere else.
with_key() {
    make_token
    import_key "$1" "$2"
    rm private.pem
    start_token_keyd
    start_broker
    start_relay listen
}

# is_refused STATUS TEXT [KEY]: relay-keyd -t says so, and why.
is_refused() {
    use_key "${3-$token_uri}"
    run "-$1" with_token timeout 60 bin/relay-keyd -t -c relay.conf
    echo "$output"
    [[ $output == *"$2"* ]]
    [[ $output != *"$token_pin"* ]]
}

# ---- it signs -----------------------------------------------------------------

@test 'a session begins, by relay-listen and by xinetd, with a key that is on a token alone' {
    make_token
    import_key private.pem relay
    rm private.pem
    start_token_keyd
    read_pid keyd
    not grep -qa "$token_pin" "/proc/$pid/cmdline" "/proc/$pid/environ" keyd.log
    grep -E '^Seccomp:.*2$' "/proc/$pid/status"
    through_each_spawner works
}

@test 'keys of each kind that tokens have sign, with TLS 1.3 and with TLS 1.2' {
    local kind
    configure 'tls_min = 1.2'
    make_token
    start_broker
    for kind in '-newkey rsa:2048' '-newkey ec -pkeyopt ec_paramgen_curve:P-256' \
        '-newkey ec -pkeyopt ec_paramgen_curve:P-384'; do
        echo "$kind"
        # shellcheck disable=SC2086
        new_pair $kind
        # it tells its own from those of before
        import_key new.pem "${kind##*[ :]}"
        start_token_keyd
        serves_each_version
    done
}

@test 'a reload takes another key of the token, which came after the start' {
    local new=$pki.renewed/server/127.0.0.1
    cp cert.pem cert.old
    with_key private.pem relay
    wait_until 60 spawner_is_attached
    [ "$(shown)" = "$(serial cert.old)" ]
    import_key "$new/private.pem" renewed
    cp "$new/cert.pem" cert.pem
    bin/relayctl -c relay.conf reload 3>&-
    says keyd ' reloaded key=new$'
    [ "$(shown)" = "$(serial "$new/cert.pem")" ]
    works
    not says relay ' no-signature '
}

@test 'half of a change is none: a certificate whose key the token has not leaves all as it was' {
    cp cert.pem cert.old
    with_key private.pem relay
    cp "$pki.renewed/server/127.0.0.1/cert.pem" cert.pem
    read_pid keyd
    kill -HUP "$pid"
    wait_until 60 says keyd ' reload-failed reason=.*not_the_key_of_.*cert.pem'
    [ "$(shown)" = "$(serial cert.old)" ]
    works
}

# ---- it is taken away ---------------------------------------------------------

@test 'a token that is taken away is told of, with what to do, and all is well when it is back' {
    local status=0
    with_key private.pem relay
    works
    mv tokens gone
    s_client alice <<<'GET /KLAB/nothing HTTP/1.1'$'\n' || :
    await_end keyd || status=$?
    [ "$status" -eq 69 ]
    says keyd ' token-lost reason=[^ ]+ do=put_it_back,_and_start_relay-keyd_again$'
    says relay ' no-signature '
    is_refused 69 'no such token is there'
    mv gone tokens
    start_token_keyd
    works
}

# ---- its configuration --------------------------------------------------------

@test 'what is wrong with token, PIN or URI is told in one line, without the PIN' {
    make_token
    import_key private.pem relay
    configure 'keyd = keyd/keyd.sock' "keyd_user = $keyd_user" 'token_folder = tokens'
    use_key "$token_uri"
    with_token bin/relay-keyd -t -c relay.conf
    is_refused 69 'no such token is there' "${token_uri/=relay/=another}"
    is_refused 78 'not the key of ' "${token_uri/\?/;object=another?}"
    is_refused 78 'name a file that has it, by pin-source=' "${token_uri%%\?*}"
    is_refused 78 'none: No such file' "${token_uri%%\?*}?pin-source=none"
    is_refused 78 'the URI has parts that name no key' "${token_uri/\?/;colour=red?}"
    is_refused 78 'key: ' 'pkcs11:%zz'
    is_refused 78 'pin-source=' "pkcs11:token=relay?pin-value=$token_pin"
    echo 0000 >pin
    is_refused 78 'pin: not the token'\''s PIN: '
    echo "$token_pin" >pin
    chmod 644 pin
    is_refused 78 'chmod 600'
    chmod 600 pin
    new_pair -newkey ec -pkeyopt ec_paramgen_curve:P-256
    is_refused 78 'not the key of '
    sed -i '/^keyd/d' relay.conf
    run -78 bin/relay-listen -t -c relay.conf
    [[ $output == *'needs a keyd line'* ]]
}

@test 'a folder of a token is none without a token' {
    configure 'keyd = keyd/keyd.sock' 'token_folder = tokens'
    run -78 bin/relay-keyd -t -c relay.conf
    [[ $output == *'token_folder needs a key on a token'* ]]
}

@test 'from a file to a token takes a start, from a token to a file none' {
    make_token
    import_key private.pem relay
    start_keyd
    cp relay.conf file.conf
    use_key "$token_uri"
    read_pid keyd
    kill -HUP "$pid"
    wait_until 60 says keyd ' reload-failed reason=.*takes_a_start_of_relay-keyd'
    stop keyd
    start_token_keyd
    cp file.conf relay.conf
    read_pid keyd
    kill -HUP "$pid"
    wait_until 60 says keyd ' reloaded key=same$'
    start_broker
    start_relay listen
    works
}
