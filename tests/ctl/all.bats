#!/usr/bin/env bats
# relayctl --all: one administrator, and all relays of a cluster.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/customers
load ../lib/clients
load ../lib/stones
load ../lib/cluster

setup_file() {
    make_pki alice bob
    make_nodes tokyo osaka kyoto
    make_admin carol
}

# The administrator is at tokyo.
setup() {
    prepare
    export MESSAGE_VERSION
    MESSAGE_VERSION=$(message_version)
    configure 'peer_admin = yes' 'crl = crl.pem'
    make_relays tokyo osaka kyoto
    with_admin tokyo carol
}

# all WORD...: as the administrator. A relay has two seconds for the handshake,
# which a machine may be too slow for: then once more.
all() {
    local try result
    for try in 1 2 3 4 5 6 7 8 9 10; do
        result=0
        node_ctl tokyo --all "$@" >all.out 2>all.err || result=$?
        grep -qE 'timed out|hung up' all.err || break
    done
    cat all.out
    cat all.err >&2
    return "$result"
}

# ---- what it shows -----------------------------------------------------------

@test "each relay's tables come under its name, and JSON is one document" {
    start_relays
    agent_at osaka alice
    at_relay kyoto start_agent agent-bob bob "$target"
    wait_until 60 agents_wait kyoto 2
    run -0 --separate-stderr all agents
    [ -z "$stderr" ]
    [ "$(grep -c '^ID ' <<<"$output")" -eq 3 ]
    [ "$(grep -vE '^(ID|[0-9a-f]{8}) ' <<<"$output" | xargs)" = 'tokyo: osaka: kyoto:' ]
    [ "$(sed -n '/^osaka:/,/^$/p' <<<"$output" | grep -c ' default ')" -eq 2 ]
    [ "$(all --json agents | jq -c '[.version, (.relays[] | [.relay, (.agents | length)])]')" = \
        '[1,["tokyo",0],["osaka",2],["kyoto",2]]' ]
    [ "$(all --json status | jq -c '[.relays[].status.agents]')" = '[0,2,2]' ]
    [ "$(all --json sessions | jq -c '[.relays[].sessions]')" = '[[],[],[]]' ]
    [ "$(all --json customers | jq -c '[.relays[] | has("customers")]')" = '[true,true,true]' ]
    run -0 at_relay kyoto s_client alice <<<$'GET /KLAB/other HTTP/1.1\n'
    wait_until 60 noted_at kyoto
    [ "$(all --json recent 1 | jq -c '[.relays[].recent | length]')" = '[0,0,1]' ]
    says osaka-peer ' admin name=carol peer=127\.0\.0\.1:[0-9]+ command=agents$'
}

noted_at() {
    [ "$(node_ctl "$1" --json recent | jq '.recent | length')" -eq 1 ]
}

@test "kick finds whoever it is at any relay, and is known there by the administrator's name" {
    start_relays
    agent_at osaka alice
    agent_at kyoto bob
    wait_until 60 kick_finds_alice
    [ "$(sed -n 's/.*: nobody here is sha256:.*/nobody/p' kicked | grep -c nobody)" -eq 2 ]
    says osaka-broker ' kicked .* cause=kicked by=admin:carol$'
    not says kyoto-broker ' kicked '
    says osaka-peer " admin name=carol peer=.* command=kick argument=$(fingerprint alice)$"
    run -1 --separate-stderr all --json kick nobody
    [ "$(jq -c '[.relays[].result.ok]' <<<"$output")" = '[false,false,false]' ]
}

# kick_finds_alice: she comes again, where one that was too slow is asked twice.
kick_finds_alice() {
    agents_wait osaka 2 && all kick "$(fingerprint alice)" >kicked && grep -qx 'osaka: 2 ended' kicked
}

@test "reload checks everyone at every relay, and one that fails is an error" {
    start_relays
    agent_at osaka alice
    run -0 --separate-stderr all reload
    [ "$(sed -E 's/[0-9]+ checked, 0 ended/well/' <<<"$output")" = $'tokyo: well\nosaka: well\nkyoto: well' ]
    says kyoto-peer ' reloaded$'
    echo nonsense >>kyoto/relay.conf
    run -1 all reload
    [[ $output == *$'\nkyoto: '*nonsense* || $output == *$'\nkyoto: '*relay.conf* ]]
}

@test "a client's certificate is revoked everywhere by one reload: its session that crosses ends at both" {
    start_relays
    start_target target whole alice
    at_relay osaka start_agent agent alice "$target" "-m 2:2"
    wait_until 60 agents_wait osaka 2
    stone_at tokyo alice '--sessions 0'
    start client socat -u "TCP:localhost:$stone_port" "CREATE:$scratch/got"
    wait_until 60 in_session tokyo
    wait_until 60 in_session osaka
    revoke alice
    put_list "${relays[@]}"
    run -0 all reload
    await_end client || :
    wait_until 60 not in_session tokyo
    wait_until 60 not in_session osaka
    wait_until 60 agents_wait osaka 0
}

@test "drain ends every broker" {
    start_relays
    local name
    # a broker that has drained is gone, where one that was too slow is asked twice
    run all drain
    [[ $output == *': 0 sessions still live'* ]]
    for name in "${relays[@]}"; do
        await_end "$name-broker"
    done
}

# ---- who is not there --------------------------------------------------------

@test "a relay that is away or stalls is named, the others are asked, and JSON stays whole" {
    start_relays tokyo osaka
    run -69 --separate-stderr all status
    [ "$stderr" = 'relayctl: kyoto: Connection refused' ]
    [ "$(grep -c '^broker ' <<<"$output")" -eq 2 ]
    run -69 --separate-stderr all --json reload
    [ "$(jq -c '[.relays[] | .result.ok // .failure]' <<<"$output")" = '[true,true,"Connection refused"]' ]
    read_pid osaka-peer
    kill -STOP "$pid"
    run -69 --separate-stderr node_ctl tokyo --all sessions
    [ "$stderr" = $'relayctl: osaka: handshake timed out\nrelayctl: kyoto: Connection refused' ]
    [[ $output == tokyo:* ]]
    kill -CONT "$pid"
    stop osaka-broker
    run -69 --separate-stderr all sessions
    [[ $stderr == *'relayctl: osaka: The broker does not answer'* ]]
}

@test "the broker here away is one of them" {
    start_relays osaka kyoto
    run -69 --separate-stderr all sessions
    [[ $stderr == 'relayctl: tokyo: '*': is relay-broker running?' ]]
    [[ $output == osaka:*kyoto:* ]]
}

# ---- who may ------------------------------------------------------------------

@test "a relay that does not have peer_admin = yes refuses, and its broker by itself" {
    sed -i '/^peer_admin = yes/d' osaka/relay.conf
    start_relays
    run -69 --separate-stderr all kick alice
    [ "$stderr" = 'relayctl: osaka: This relay has no line peer_admin = yes' ]
    says osaka-peer ' admin-refused name=carol peer=.* reason=This_relay_has_no_line_peer_admin_=_yes$'
    run -0 as_user "$relay_user" osaka kick
    [ "$output" = dropped ]
    says osaka-broker ' bad-message'
    # with it relay-peer may, and no handler
    run -0 as_user "$relay_user" kyoto kick
    [ "$output" = answered ]
    is_root || skip 'needs root, for two users'
    run -0 as_user "$handler_user" kyoto kick
    [ "$output" = dropped ]
    # nor more than it is for
    run -0 as_user "$relay_user" kyoto log-level
    [ "$output" = dropped ]
    run -0 as_user "$relay_user" kyoto nameless
    [ "$output" = dropped ]
}

# as_user USER RELAY WHAT: a process of that user, of what may be relay-peer, asks
# that relay's broker for an administrator.
as_user() {
    cat >asks.py <<'SCRIPT'
import os, socket, struct, sys
ADMIN_FOR = 42
command, name = {"kick": (5, b"mallory"), "log-level": (8, b"mallory"), "nameless": (1, b"")}[sys.argv[2]]
body = struct.pack("=II128s32s", command, 0, b"err", name)
sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
sock.settimeout(60)
sock.connect(sys.argv[1])
sock.send(struct.pack("=HHI", int(os.environ["MESSAGE_VERSION"]), ADMIN_FOR, 8 + len(body)) + body)
try:
    print("answered" if sock.recv(4096) else "dropped")
except ConnectionResetError:
    print("dropped")
SCRIPT
    local socket
    socket=$(socket_of "$2")
    (relay_user=$1 && unprivileged timeout 60 python3 -SB asks.py "$socket" "$3" 3>&-)
}

# socket_of RELAY: its broker's, where it is.
socket_of() {
    local place
    place=$(sed -n 's/^socket = //p' "$1/relay.conf")
    [[ $place == /* ]] || place=$scratch/$1/$place
    echo "$place"
}

# ask CERTIFICATE WHAT: osaka, by hand; once more where that was too slow.
ask() {
    local try answer
    for try in 1 2 3 4 5 6 7 8 9 10; do
        answer=$(timeout 60 python3 -SB "$tests/lib/admin.py" ask "${peer_of[osaka]}" "$nodes" "$@" 3>&-) || :
        [[ $answer != *refused* && $answer != *answer* ]] || break
    done
    echo "$answer"
}

@test "a relay's certificate is none of an administrator, and an administrator's is no relay" {
    start_relays osaka
    run -0 ask node/kyoto status
    [ "$output" = $'refused 1 403 Not with the certificate of a relay\nend' ]
    says osaka-peer ' node-refused node=kyoto .*reason=it_asks_as_an_administrator,_and_is_a_relay$'
    run -0 ask admin/carol open
    [ "$output" = $'refused 1 400 It does not ask as an administrator does\nend' ]
    says osaka-peer ' admin-refused name=carol .*reason=It_does_not_ask_as_an_administrator_does$'
    sed -i 's/^peer_admin_certificate = .*/peer_admin_certificate = node.pem/
        s/^peer_admin_key = .*/peer_admin_key = node-key.pem/' tokyo/relay.conf
    run -78 all status
    [[ $output == *'node.pem: not of an administrator: make it with relay-ca admin' ]]
    # nor does relay-peer serve as an administrator
    cp tokyo/admin.pem kyoto/node.pem
    cp tokyo/admin-key.pem kyoto/node-key.pem
    give kyoto
    run -78 "$scratch/bin/relay-peer" -t -c kyoto/relay.conf
    [[ $output == *'node.pem: has no name of a relay: make it with relay-ca node' ]]
}

@test "an administrator whose certificate is revoked is refused, and one who is asking is ended" {
    start_relays
    run -0 all sessions
    # a broker that does not answer keeps him waiting
    read_pid osaka-broker
    kill -STOP "$pid"
    start visitor all status
    wait_until 60 says osaka-peer ' admin name=carol .* command=status$'
    revoke_node carol osaka
    wait_until 60 says osaka-peer ' node-ended node=carol pid=[0-9]+ reason=certificate_revoked$'
    read_pid osaka-broker
    kill -CONT "$pid"
    await_end visitor || :
    run -69 --separate-stderr all status
    [[ $stderr == 'relayctl: osaka: it refuses our certificate: '*revoked* ||
        $stderr == 'relayctl: osaka: it hung up: '* ]]
    [[ $output == tokyo:*kyoto:* ]]
    wait_until 60 says osaka-peer ' node-refused .*reason=certificate_revoked'
}

# ---- who is hostile -----------------------------------------------------------

@test "what is no request of an administrator is refused, and nothing comes of it" {
    local what
    start_relays osaka
    run -0 ask admin/carol status
    [ "$output" = $'answer 16\nanswer 20\nend' ]
    for what in unterminated version short empty register; do
        echo "$what"
        run -0 ask admin/carol "$what"
        [[ $output == 'refused 1 400 Not asked as by relayctl '*$'\nend' ]]
    done
    for what in oversized twice flags nothing; do
        echo "$what"
        run -0 ask admin/carol "$what"
        [ "$output" = $'refused 1 400 It does not ask as an administrator does\nend' ]
    done
    run -0 ask admin/carol log-level
    [ "$output" = $'refused 1 403 This is not for administrators elsewhere\nend' ]
    not says osaka-peer ' admin name=carol .* command=(kick|log-level)'
    not says osaka-peer ' crossing-killed '
    not says osaka-broker ' bad-message'
}

@test "a relay that answers with anything else is named, and the others are shown" {
    local what why
    start_relays tokyo osaka
    while read -r what why; do
        echo "$what"
        : >false.log
        start false python3 -SB "$tests/lib/admin.py" serve "${peer_of[kyoto]}" "$nodes" kyoto "$what"
        wait_until 60 says false listens
        run -69 --separate-stderr all sessions
        [ "$stderr" = "relayctl: kyoto: $why" ]
        [[ $output == tokyo:*osaka:* ]]
        [[ $output != *kyoto* ]]
        stop false || :
    done <<'END'
oversized it does not answer as a relay does
version it does not answer as this relayctl understands
no-answer it does not answer as this relayctl understands
behind-the-end it does not answer as this relayctl understands
register it does not answer as this relayctl understands
empty it does not answer as this relayctl understands
taken it does not answer as this relayctl understands
refused Not today
refused-wrong it does not answer as this relayctl understands
cut it hung up: the log of its relay-peer says why
END
}

# ---- how it is asked for ------------------------------------------------------

@test "without relays, or a certificate of an administrator, it says what is missing; and not all commands are for all" {
    start_relays tokyo
    run -64 all watch
    [ "$output" = 'relayctl: watch: --all is not for this' ]
    run -64 all why alice
    [ "$output" = 'relayctl: why: --all is not for this' ]
    run -78 "$scratch/bin/relayctl" --all -c "$scratch/osaka/relay.conf" status
    [[ $output == *'no peer_admin_certificate line: make one with relay-ca admin' ]]
    run -78 "$scratch/bin/relayctl" --all -c "$scratch/relay.conf" status
    [[ $output == *'no peer line'* ]]
    chmod 644 tokyo/admin-key.pem
    run -78 all status
    [[ $output == *admin-key.pem* ]]
}
