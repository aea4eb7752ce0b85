#!/usr/bin/env bats
# relay-stone resets its client where the relay refuses it or cannot be trusted,
# and says why.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones

setup_file() {
    make_pki alice bob
}

# ---- refusals ----

# refused STATUS REASON: the client gets a reset and not a byte, the log why.
refused() {
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone " refused status=$1 reason=$2[^ ]* peer=127\.0\.0\.1:[0-9]+$"
}

@test "each refusal is logged with the relay's reason, and resets the client" {
    with_relay 'match_timeout = 1'
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    refused 503 No_agent_is_there_for_this_certificate
    # the agent's own
    start_target full full
    stop full || :
    start_waiting_agent agent alice "$target"
    refused 502 Target_unreachable
}

@test "429, 403 and any other refusal are treated alike, whatever comes behind them" {
    local status
    for status in '429 Too Many Sessions' '403 Expired' '302 Found' '500 Oops' '100 Continue'; do
        start_false_relay false "HTTP/1.1 $status\r\nX-Reason: the reason\r\n\r\nbody"
        stone_port=$(free_port)
        start_relay_stone stone "$(to_false "localhost:$stone_port")"
        refused "${status%% *}" the_reason
        stop stone
        stop false || :
    done
}

@test "an answer that is none, is too long or does not come, resets the client" {
    local why
    huge=$(printf 'X: %s\\r\\n' "$(head -c 9000 /dev/zero | tr '\0' x)")
    for why in 'SSH-2.0-x\r\n' "HTTP/1.1 200 OK\r\n$huge"; do
        start_false_relay false "$why"
        stone_port=$(free_port)
        start_relay_stone stone "$(to_false "localhost:$stone_port")"
        [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
        wait_until 60 says stone ' not-connected .*reason=the_answer_is_not_HTTP '
        stop stone
        stop false || :
    done
    start_false_relay false 'HTTP/1.1 200' cut
    start_relay_stone stone "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone ' not-connected .*reason=the_relay_closed_the_connection;_its_log_says_why '
}

@test "a session that breaks is a reset to the client, never an end" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nsome' - - cut
    stone_port=$(free_port)
    start_relay_stone stone "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" hello)" = "got=b'some' ended=reset" ]
    wait_until 60 says stone ' session .*reason=relay-error '
    # its own process is killed
    with_relay
    stop stone
    a_line alice '--sessions 0'
    start_client client session "$stone_port" alice "$scratch/flow"
    wait_until 60 [ -e flow.reached ]
    pkill -KILL -P "$(pid_of stone)"
    fails await_end client
    [[ $(cat client.log) == *'error at='*'reset'* ]]
    wait_until 60 says stone ' session-killed .*signal=9$'
}

@test "a client that resets is an error at the target" {
    with_relay
    a_line alice '--sessions 0'
    [ "$(speak --reset 10 "$stone_port" '\x00\x00\x00\x07alice -')" = "got=b'\x00\x00\x00\x05alice\x00' ended=clean" ]
    wait_until 60 says target-alice '^error '
    wait_until 60 says stone ' session .*reason=client-error '
}

@test "a relay that is not there resets the client, and the log says why" {
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone " not-connected relay=127\.0\.0\.1 port=$relay_port reason=127\.0\.0\.1_port_${relay_port}:_Connection_refused peer="
}

# ---- whom it trusts ----

@test "a relay of another authority, or of another name, is refused" {
    "$built/relay-ca" -d "$scratch/other" init >/dev/null
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    stone_port=$(free_port)
    start_relay_stone stone "-q CAfile=$scratch/other/ca.pem" "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 60 says stone ' not-connected .*reason=(unable_to_get_local_issuer_certificate|self-signed_certificate_in_certificate_chain) '
    stop stone
    # without a CAfile the system's authorities count
    printf '%s\n' "-q key=alice/private.pem" "-q cert=alice/cert.pem" \
        "$(to_false "localhost:$stone_port")" >system.conf
    start stone bin/relay-stone -C system.conf
    await_start stone listening "$stone_port"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 60 says stone ' not-connected .*reason=(unable_to_get_local_issuer_certificate|self-signed_certificate_in_certificate_chain) '
    stop stone
    # 127.0.0.2 is not in the certificate
    stone_port=$(free_port)
    start_relay_stone stone "-q servername=127.0.0.2" "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 60 says stone ' not-connected .*reason=IP_address_mismatch:_the_relay.s_certificate_is_for_'
    stop stone
    start_relay_stone stone "-q servername=relay.example.org" "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 60 says stone ' not-connected .*reason=hostname_mismatch:_the_relay.s_certificate_is_for_'
    [ "$(grep -c got= false.log)" -eq 0 ]
}

@test "servername= is the name that is asked for and checked; CApath= is a folder of authorities" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    mkdir folder
    cp ca.pem folder
    openssl rehash folder
    stone_port=$(free_port)
    start_relay_stone stone '-q default' '-q certkey=both.pem' '-q CApath=folder' \
        '-q sni' '-q servername=localhost' '-q verify' "$(to_false "localhost:$stone_port")" || :
    says stone 'both.pem: No such file'
    cat alice/private.pem alice/cert.pem >both.pem
    chmod 600 both.pem
    start_relay_stone stone '-q default' '-q certkey=both.pem' '-q CApath=folder' \
        '-q sni' '-q servername=localhost' '-q verify' "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" a)" = "got=b'yes' ended=clean" ]
    wait_until 60 says false '^sni=localhost '
}

@test "a key with a passphrase needs passfile=, which nobody else may read" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    stone_port=$(free_port)
    (
        umask 077
        openssl pkey -in alice/private.pem -aes256 -passout pass:sesame -out locked.pem
        echo sesame >pass
        echo wrong >wrong
    )
    start_relay_stone stone '-q key=locked.pem' '-q passfile=pass' "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" a)" = "got=b'yes' ended=clean" ]
    write_stone_conf bad '-q key=locked.pem' "$(to_false "localhost:$stone_port")"
    fails_with 'bad.conf:4: locked.pem: no private key without a passphrase in it'
    write_stone_conf bad '-q key=locked.pem' '-q passfile=wrong' "$(to_false "localhost:$stone_port")"
    fails_with 'bad.conf:4: locked.pem: no private key that the passphrase opens in it'
    chmod 644 pass
    write_stone_conf bad '-q key=locked.pem' '-q passfile=pass' "$(to_false "localhost:$stone_port")"
    fails_with 'bad.conf:5: pass: a secret that others can read or write (mode 0644); chmod 600 it'
}

# fails_with REASON: -t of bad.conf says so, and nothing else.
fails_with() {
    run --separate-stderr "$scratch/bin/relay-stone" -t -C bad.conf
    echo "$stderr"
    [ "$status" -eq 78 ]
    [ "$stderr" = "relay-stone: $1" ]
}

@test "a key that others can read is refused, and so is one of another certificate" {
    write_stone_conf bad "$(to_relay 8080)"
    chmod 640 alice/private.pem
    fails_with "bad.conf:1: $scratch/alice/private.pem: a key that others can read or write (mode 0640); chmod 600 it"
    chmod 600 alice/private.pem
    write_stone_conf bad '-q key=bob/private.pem' "$(to_relay 8080)"
    fails_with "bad.conf:4: key=bob/private.pem is not that of cert=$scratch/alice/cert.pem"
}
