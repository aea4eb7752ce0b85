#!/usr/bin/env bats
# Sealed sessions, through a relay that does what it should.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/stones
load ../lib/shared
load ../lib/sealed

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
}

# a_relay: the real one.
a_relay() {
    start_broker
    start_relay listen
}

# pair STONE AGENT bare|sealed|none|refused: what becomes of these two.
pair() {
    echo "# stone $1, agent $2: $3"
    a_sealing_stone "$1"
    if [ "$3" = refused ]; then
        [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    else
        answers_with "$stone_port" hello
        both_say "$3"
    fi
    stop stone
}

@test 'a session goes bare unless the relay does not want it' {
    start_broker
    configure 'bare = no'
    start_relay listen
    start_target target shout
    a_sealing_agent auto "$target"
    pair auto auto sealed
    stop relay
    sed -i 's/^bare = no$/bare = yes/' relay.conf
    start_relay listen
    wait_until 60 says_at_least agent 2 ' waiting '
    pair auto auto bare
}

@test 'auto seals what both can, require seals all or nothing, off seals none' {
    a_relay
    start_target target shout
    a_sealing_agent auto "$target"
    pair auto auto bare
    pair require auto bare
    pair off auto none
    stop agent
    a_sealing_agent require "$target"
    pair auto require bare
    pair require require bare
    pair off require refused
    says stone 'refused status=403 reason=Sealed_sessions_only'
    wait_until 60 says agent 'not-sealed reason=Sealed_sessions_only '
    stop agent
    a_sealing_agent off "$target"
    pair auto off none
    pair off off none
    pair require off refused
    says stone 'not-connected .*reason=the_agent_does_not_seal_the_session'
}

@test "auto is the default, and whoever knows nothing of it is served as before" {
    a_relay
    start_target target shout
    start_waiting_agent agent alice "$target"
    stone_port=$(free_port)
    start_relay_stone ours "--sessions 0" "$(to_relay "localhost:$stone_port")"
    answers_with "$stone_port" hello
    wait_until 60 says agent ' session .* seal=bare'
    port=$(free_port)
    start_stone theirs alice "$port"
    [ "$(speak --open 5 "$port" hello)" = "got=b'HELLO' ended=clean" ]
    wait_until 60 says agent ' session .* seal=none'
}

@test 'an agent that requires it tells who cannot' {
    a_relay
    start_target target shout
    a_sealing_agent require "$target"
    run -0 s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 403 Sealed sessions only'* ]]
    says_times target 0 .
}

@test 'an offer that is none is a bad request' {
    a_relay
    start_target target shout
    a_sealing_agent auto "$target"
    for offer in '1' '2 Zm9v' '1 Zm9' '1 Zm 9v' '1 Zm9=' '1 ====' '1 Zm9v!' \
        $'1 Zm9v\nX-Seal: 1 Zm9v'; do
        echo "# $offer"
        run -0 s_client alice <<<$'GET / HTTP/1.1\nX-Seal: '"$offer"$'\n'
        [[ $output == *'HTTP/1.1 400 '* ]]
    done
}

@test 'what comes through is whole, both ways at once and many at a time' {
    a_relay
    start_target target whole alice
    a_sealing_agent require "$target"
    a_sealing_stone require
    client session "$stone_port" alice 30000000 20000000
    client sessions "$stone_port" alice 40 20
    says_times agent 0 'seal=none'
    says_times agent 0 'seal-failed'
}

@test 'ends come one by one, and each with all that was before it' {
    a_relay
    start_streams target
    a_sealing_agent require "$target"
    a_sealing_stone require
    timeout 500 python3 -SB "$tests/lib/streams.py" client "$stone_port" 60 8 3>&-
    wait_until 60 says_times target 60 '^whole'
    says_times target 0 '^(spoilt|error)'
}

@test 'a session that breaks is a reset at its other end, and never a clean one' {
    a_relay
    start_target target resets 300 asked
    a_sealing_agent require "$target"
    a_sealing_stone require
    exec 9<>"/dev/tcp/127.0.0.1/$stone_port"
    wait_until 60 says_times relay 2 ' bare id='
    echo hello >&9
    run ! cat <&9
    exec 9>&-
    [[ $output == *'reset by peer' ]]
    both_say 'bare'
}

@test 'many connections share a sealed session' {
    a_relay
    start_target target shout
    a_sealing_agent require "$target"
    start_shared stone 1 # auto
    for _ in {1..5}; do
        answers_with "$stone_port" hello
    done
    sessions_are 1
    stop stone
    wait_until 60 says agent ' session .* streams=5 reason=done .*seal=bare'
    says stone ' session .* streams=5 reason=done .*seal=bare'
}

@test 'the service is named inside, where the relay does not see it' {
    start_lying_relay
    start_target other shout
    other=$target
    start_target target whole alice
    a_sealing_agent require "$target" "db=$other"
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 0' '-q seal=require' \
        "127.0.0.1:$relay_port/ssl,http localhost:$stone_port \"GET / HTTP/1.1\\r\\nX-Service: db\" --"
    answers_with "$stone_port" hello
    says_times relay 0 'X-Service'
    says agent ' session .*client=192.0.2.1 .*service=db '
    stop stone
    start_relay_stone stone '--sessions 0' '-q seal=require' \
        "127.0.0.1:$relay_port/ssl,http localhost:$stone_port \"GET / HTTP/1.1\\r\\nX-Service: none\" --"
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone 'refused status=404'
}

@test 'an agent that takes the offer and says no more is given up after 10 seconds' {
    a_relay
    start_play agent <<'SCRIPT'
agent = poll("alice")
head_of_stone(agent)
agent.send(b"HTTP/1.1 200 OK\r\nX-Seal: 1\r\n\r\n")
assert agent.end() == "reset"
SCRIPT
    a_sealing_stone auto
    local start end
    start=$EPOCHREALTIME
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    end=$EPOCHREALTIME
    not_before 9 "$start" "$end"
    within 14 "$start" "$end"
    says stone 'not-connected .*reason=sealing:_the_handshake_timed_out'
    ended_well agent
}

# ---- the handshake ------------------------------------------------------------

# sealing CASE: see tests/programs/sealing.c. Its lines are $output.
sealing() {
    [ -x "$tests/../build/tests/sealing" ] || skip 'make test-programs'
    echo "# $1"
    run -0 timeout 60 "$tests/../build/tests/sealing" alice "$1"
}

@test 'either end sees to protocol, version, certificate and its dates' {
    sealing no-alpn
    [ "$output" = 'agent: the other end did not choose our protocol
stone: the other end did not choose our protocol' ]
    sealing agent-no-alpn
    [ "$output" = 'agent: the other end did not choose our protocol
stone: the other end did not choose our protocol' ]
    sealing other-alpn
    [ "${lines[0]}" = 'agent: no application protocol' ]
    sealing tls12
    [ "${lines[0]}" = 'agent: unsupported protocol' ]
    sealing agent-tls12
    [ "${lines[1]}" = "stone: the peer's TLS alert: protocol version" ]
    sealing no-certificate
    [ "${lines[0]}" = 'agent: peer did not return a certificate' ]
    sealing expired
    [[ ${lines[1]} == 'stone: certificate has expired,'* ]]
    sealing early
    [[ ${lines[1]} == 'stone: certificate is not yet valid,'* ]]
    sealing retry
    [ "$output" = 'agent: sealed
agent: 131072 bytes, 0 new keys, end
stone: sealed
stone: 2 hellos' ]
    sealing plain
    [ "$output" = 'agent: sealed
agent: 131072 bytes, 0 new keys, end
stone: sealed' ]
}

@test 'a key that has sealed 2^22 records gives way to a new one' {
    sealing keys
    [ "${lines[1]}" = 'agent: 131072 bytes, 1 new keys, end' ]
}

# Between "openssl s_client", which is the stone of this session, and the relay
# stands a bridge: it puts the first hello into the head.
@test "a hello in the head that the agent asks to be made anew" {
    a_relay
    start_target target shout
    a_sealing_agent require "$target"
    bridge_port=$(free_port)
    export BRIDGE_PORT=$bridge_port
    start_play bridge <<'SCRIPT'
import base64, threading
listener = socket.create_server(("127.0.0.1", int(os.environ["BRIDGE_PORT"])))
inner, _ = listener.accept()

def record(sock):
    head = sock.recv(5, socket.MSG_WAITALL)
    return head + sock.recv(int.from_bytes(head[3:], "big"), socket.MSG_WAITALL) if head else b""

hello = record(inner)
assert hello[0] == 0x16 and hello[5] == 1
client = stone("alice", b"GET / HTTP/1.1\r\nX-Seal: 1 " + base64.b64encode(hello) + b"\r\n\r\n")
assert client.head() == b"HTTP/1.1 200 OK\r\nX-Seal: 1\r\n\r\n"
# HelloRetryRequest is a ServerHello with this for its random number
answer = client.read(5)
answer += client.read(int.from_bytes(answer[3:5], "big"))
assert answer[5] == 2 and answer[11:43].hex().startswith("cf21ad74e59a6111be1d8c021e65b891"), answer
inner.sendall(answer)

def up():
    while data := record(inner):
        client.send(data)

threading.Thread(target=up, daemon=True).start()
while True:
    head = client.read(5)
    inner.sendall(head + client.read(int.from_bytes(head[3:5], "big")))
SCRIPT
    wait_until 60 listening "$bridge_port"
    mkfifo said
    start hears from_file said openssl s_client -quiet -tls1_3 -groups P-521:X25519 -alpn vpn-warp/1 \
        -cert alice/cert.pem -key alice/private.pem -connect "127.0.0.1:$bridge_port"
    exec 8>said
    printf 'GET / HTTP/1.1\r\n\r\nhello\n' >&8
    wait_until 60 says hears '^HELLO'
    exec 8>&-
    says hears '^HTTP/1.1 200 OK'
    stop hears || :
    stop bridge || :
}

# ---- peers ------------------------------------------------------------------

# one_customer: alice and bob are the same, so that the relay joins them.
one_customer() {
    no_customers
    printf '%s\n' '[both]' "certificate = $(fingerprint alice)" \
        "certificate = $(fingerprint bob)" >>"$scratch/customers"
}

@test 'another certificate is accepted only where the file of peers has it' {
    one_customer
    a_relay
    start_target target shout
    cp alice/cert.pem alice-only.pem
    cat alice/cert.pem bob/cert.pem >both.pem
    cp alice-only.pem peers.pem
    agent_name=bob a_sealing_agent auto "$target" '--peers peers.pem'
    # the stone knows nothing of bob
    a_sealing_stone auto
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone "not-connected .*reason=sealing:_the_other_end's_certificate_is_neither_ours"
    wait_until 60 says agent 'seal-failed reason=the_peer_refuses_our_certificate'
    stop stone
    a_sealing_stone auto '-q peers=both.pem'
    answers_with "$stone_port" hello
    # the agent forgets alice, at a reload
    cp bob/cert.pem peers.pem
    kill -HUP "$(pid_of agent)"
    wait_until 60 says agent ' reloaded'
    wait_until 60 says_at_least agent 4 ' waiting '
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says agent "seal-failed reason=the_other_end's_certificate_is_neither_ours"
    # and learns of her again
    cp alice-only.pem peers.pem
    kill -HUP "$(pid_of agent)"
    wait_until 60 says_times agent 2 ' reloaded'
    wait_until 60 answers_with "$stone_port" hello
}

@test 'what is no mode and what is no file of peers is told, with its line' {
    write_stone_conf stone '-q seal=maybe' "$(to_relay localhost:1)"
    run -78 bin/relay-stone -t -C stone.conf
    [[ $output == *'stone.conf:4: -q seal=maybe: not auto, require or off'* ]]
    write_stone_conf stone '-q peers=none.pem' "$(to_relay localhost:1)"
    run -78 bin/relay-stone -t -C stone.conf
    [[ $output == *'stone.conf:4: '*'none.pem: No such file or directory'* ]]
    printf '%s\n' -n "-k alice/private.pem" "-c alice/cert.pem" -a\ ca.pem \
        '--seal maybe' '127.0.0.1:1' '127.0.0.1:2' >agent.conf
    run -78 bin/relayagent -t -C agent.conf
    [[ $output == *'agent.conf:5: --seal maybe: not auto, require or off'* ]]
    sed -i 's/--seal maybe/--peers none.pem/' agent.conf
    run -78 bin/relayagent -t -C agent.conf
    [[ $output == *'agent.conf:5: '*'none.pem: No such file or directory'* ]]
}
