#!/usr/bin/env bats
# A handler can claim the client at its other end, and no other: relay-keyd, which
# signed the handshake, vouches for it to the broker.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/customers

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    cp "$built/../tests/proving" bin
    start_keyd
}

# handler WORD...: one that may lie, whose client is alice (tests/programs/proving.c).
handler() {
    (unprivileged bin/proving relay.conf alice/cert.pem alice/private.pem "$@" 3>&-)
}

unproven='The relay has no proof of this certificate'
not_signed='relay-keyd refuses: it did not sign this for this process, or not just now'

@test 'who made a handshake is registered, announces itself, and sees its page' {
    start_broker
    run -0 handler handshake prove register view
    [ "$output" = $'proven\nwelcome\nwelcome' ]
    # of nothing that the broker knows, so that is the end; but not for want of proof
    handler handshake prove announce
    not says broker ' unproven '
}

@test 'the relay itself proves each client, by every way there is, and loses none when it starts again' {
    start_broker
    start_relay listen
    play <<<'works("alice")'
    start_play lives <<'END'
agent, client = session("alice")
waiting = poll("bob")
at_point("live")
client.send(b"still")
assert agent.read(5) == b"still"
agent.finish()
assert client.rest() == b""
other = stone("bob")
head_of_stone(waiting)
END
    await_point lives live
    stop broker KILL || :
    stop keyd KILL || :
    start_keyd
    start_broker
    wait_until 60 all_back
    go_on live
    ended_well lives
    not says broker ' unproven '
    not says relay ' no-proof '
}

all_back() {
    [ "$(bin/relayctl -c relay.conf sessions 3>&- | wc -l)" -eq 2 ] &&
        [ "$(bin/relayctl -c relay.conf agents 3>&- | wc -l)" -eq 2 ]
}

@test 'another certificate than that of the client is refused, and logged' {
    start_broker
    run -0 handler handshake prove claim bob/cert.pem register view announce
    [ "$output" = $'proven\n'"$unproven"$'\n'"$unproven"$'\n'"$unproven" ]
    says_times broker 3 " unproven pid=[0-9]+ (peer= )?identity=$(identity bob) result=refused reason=not_of_relay-keyd"
}

@test 'no voucher, and one that is made up, are refused' {
    start_broker
    run -0 handler register forge register view announce
    [ "$output" = "$unproven"$'\n'"$unproven"$'\n'"$unproven"$'\n'"$unproven" ]
    says_times broker 4 ' unproven .* result=refused '
    says broker ' unproven .* reason=none$'
}

@test "a handler of the handlers' user does not get by without one as another relay would" {
    is_root || skip 'needs root, for a user of its own'
    start_broker
    chmod a+rX . alice alice/*
    run setpriv --reuid="$handler_user" --regid="$relay_group" --clear-groups \
        bin/proving relay.conf alice/cert.pem alice/private.pem elsewhere 3>&-
    says broker ' bad-message$'
    not says broker ' unproven '
}

@test 'a voucher is of one process: another gets nothing by it' {
    start_broker
    run -0 handler handshake prove keep voucher
    run -0 handler take voucher register
    [ "$output" = "$unproven" ]
}

@test 'a handshake proves once, and for the handler that made it alone' {
    run -0 handler handshake save messages prove prove
    [ "$output" = $'proven\n'"$not_signed" ]
    run -0 handler load messages prove
    [ "$output" = "$not_signed" ]
    # nor one that nobody has proved yet
    run -0 handler handshake save messages
    run -0 handler load messages prove
    [ "$output" = "$not_signed" ]
    wait_until 60 says keyd ' refused pid=[0-9]+ reason=it_did_not_sign_this'
}

@test 'to have the same handshake signed again, later, makes it no fresh one' {
    run -0 handler handshake save messages prove
    run -0 handler load messages resign prove handshake prove
    [ "$output" = "$not_signed"$'\nproven' ]
}

@test 'a signature counts as long as a handshake may take, and no longer' {
    configure 'tls_timeout = 1'
    stop keyd
    start_keyd
    start slow handler handshake save messages wait go prove
    wait_until 60 test -s messages
    pause 1.1
    : >go
    await_end slow
    [ "$(log_of slow)" = "$not_signed" ]
}

@test 'what the client has not signed proves nothing' {
    run -0 handler handshake spoil prove
    [ "$output" = 'relay-keyd refuses: the client has not signed this' ]
}

@test 'keys of each kind, of relay and client, prove' {
    local kind
    for kind in 'rsa:2048' 'rsa-pss -pkeyopt rsa_keygen_bits:2048' 'ec -pkeyopt ec_paramgen_curve:P-384' ed25519 ed448; do
        echo "$kind"
        # shellcheck disable=SC2086
        openssl req -x509 -newkey $kind -nodes -keyout key.new -out own.pem -subj /CN=own \
            -addext extendedKeyUsage=clientAuth 2>/dev/null
        cat own.pem >>ca.pem
        give own.pem key.new
        run -0 "$BASH" -c "$(declare -f unprivileged is_root); relay_user=$relay_user relay_group=$relay_group
            unprivileged bin/proving relay.conf own.pem key.new handshake prove"
        [ "$output" = proven ]
    done
}

@test 'with TLS 1.2 nobody proves anything: it is refused, or logged with proof = warn' {
    configure 'tls_min = 1.2' 'proof = require' 'match_timeout = 1'
    stop keyd
    start_keyd
    start_broker
    start_relay listen
    s_client alice -tls1_2 <<<'GET /KLAB/poll HTTP/1.1'$'\nX-Ver: 2 1\n' | grep "^HTTP/1.1 403 $unproven"
    says broker ' unproven .* result=refused reason=none$'
    sed -i 's/^proof = .*/proof = warn/' relay.conf
    bin/relayctl -c relay.conf reload 3>&-
    s_client alice -tls1_2 <<<'GET / HTTP/1.1'$'\n' | grep '^HTTP/1.1 503 '
    says broker ' unproven .* result=taken reason=none$'
    # and what is there is proved all the same
    run -0 handler forge register
    [ "$output" = "$unproven" ]
}

@test 'the secret is for the broker alone, lies beside the socket, and stays' {
    start_broker
    ! is_root || [ "$(stat -c '%a %U' keyd/keyd.sock.secret)" = "600 $keyd_user" ]
    ! is_root || [ "$(relay_user=$handler_user secret)" = refused ]
    [ "$(secret)" = told ]
    cp keyd/keyd.sock.secret before
    stop keyd
    start_keyd
    cmp keyd/keyd.sock.secret before
}

secret() {
    (unprivileged /usr/bin/python3 -SBc '
import socket, struct
sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
sock.settimeout(60)
sock.connect("keyd/keyd.sock")
sock.send(struct.pack("=HH", 1, 3))
answer = sock.recv(100)
print("told" if any(answer[4:]) else "refused")')
}

@test 'where relay-keyd was set up anew, the broker asks for its secret again' {
    start_broker
    run -0 handler handshake prove register
    [ "$output" = $'proven\nwelcome' ]
    stop keyd
    rm keyd/keyd.sock.secret
    start_keyd
    wait_until 60 proves_again
}

proves_again() {
    run -0 handler handshake prove register
    [ "$output" = $'proven\nwelcome' ]
}

@test 'a key that signs the same each time is told of, where proof is required' {
    openssl req -x509 -newkey ed25519 -nodes -keyout private.new -out cert.pem -subj /CN=relay 2>/dev/null
    cat private.new >private.pem
    stop keyd
    run -78 timeout 60 bin/relay-keyd -c relay.conf
    [[ $output == *'Ed25519 signs the same each time'* ]]
    configure 'proof = warn'
    start_keyd
    sed -i '/^keyd = /d; /^proof/d' relay.conf
    configure 'proof = warn'
    run -78 timeout 60 bin/relay-broker -t -c relay.conf
    [[ $output == *'proof needs a keyd line'* ]]
}
