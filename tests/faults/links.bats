#!/usr/bin/env bats
# Three hosts, each a network namespace, and links between them that are cut
# without a FIN: who notices, how soon, and how it goes on.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/lan

relay_address=10.77.0.1

setup_file() {
    make_pki alice bob
    "$built/relay-ca" -d "$pki" server "$relay_address" >/dev/null
}

setup() {
    is_root || skip 'needs root, for network namespaces'
    prepare
    make_lan
    host relay "$relay_address"
    host alice 10.77.0.2
    host bob 10.77.0.3
    host local 10.77.0.4
    sed -i "s/^listen.*/listen = $relay_address:$relay_port/" relay.conf
    cp "$pki/server/$relay_address"/*.pem .
    give ./*.pem
    client_address=10.77.0.4
    start_broker
    spawner=listen
    start relay on relay bin/relay-listen -c relay.conf
    wait_until 60 says relay ' start '
}

teardown() {
    # shellcheck disable=SC2046
    kill -CONT $(handlers_of 10.77.0.3) 2>/dev/null || :
    local rc=0
    end_all || rc=1
    end_lan
    return "$rc"
}

# agent NAME: on the host and with the certificate of that name.
agent() {
    printf '%s\n' -n "-k $scratch/$1/private.pem" "-c $scratch/$1/cert.pem" \
        "-a $scratch/ca.pem" "$relay_address:$relay_port" 127.0.0.1:7 >"$1.conf"
    start "echo-$1" on "$1" socat TCP4-LISTEN:7,fork,reuseaddr EXEC:cat
    start "$1" on "$1" bin/relayagent -C "$1.conf"
    wait_until 60 waits "$1" 2
}

# waits NAME N: whether it has said so often that a poll waits.
waits() {
    [ "$(grep -c ' waiting ' "$1.log")" -ge "$2" ]
}

# settled NAME: none of its polls is on its way; that would time out.
settled() {
    timeout 60 bin/relayagent status --json -C "$1.conf" 3>&- |
        jq -e '.relays[0] | .waiting >= 2 and .polls == .waiting' >/dev/null
}

# local_play NAME: a script in the background, on the local host.
local_play() {
    { echo "RELAY = '$relay_address'" && cat; } >"$1.py"
    SCRATCH=$scratch RELAY_PORT=$relay_port CLIENT_ADDRESS=$client_address \
        RELAY_LOG=$scratch/relay.log start "$1" on local python3 -SB "$tests/lib/peer.py" "$scratch/$1.py"
}

# handlers_of ADDRESS: the pids of those that serve polls from there.
handlers_of() {
    [ ! -e relay.log ] || sed -n "s/^.*relay-listen\[\([0-9]*\)\]: agent-waits .*peer=$1:.*/\1/p" relay.log
}

now() {
    echo "${EPOCHREALTIME%.*}"
}

# report WHAT SINCE LIMIT: prints how long it took.
report() {
    local took=$(($(now) - $2))
    echo "# $1: $took s" >&3
    [ "$took" -le "$3" ]
}

# bats test_tags=slow
@test "a cut link and a relay that hangs are noticed within 90 seconds, and mended soon after" {
    agent alice
    agent bob
    # a session of alice's that says nothing
    local_play idle <<'SCRIPT'
client = stone("alice", GET + b"hello", host=RELAY)
assert client.head() == OK and client.read(5) == b"hello"
at_point("idle")
assert client.end(100) != "clean"
SCRIPT
    await_point idle idle
    go_on idle
    wait_until 60 waits alice 3
    bobs=$(grep -c ' waiting ' bob.log)
    # shellcheck disable=SC2046
    kill -STOP $(handlers_of 10.77.0.3)
    cut alice
    begin=$(now)
    wait_until 95 says bob ' not-connected .* reason=the_relay_has_fallen_silent'
    report "the agent notices that its relay hangs" "$begin" 90
    wait_until 60 waits bob $((bobs + 2))
    report "and has polls at it again" "$begin" 95
    wait_until 60 says alice ' session .*reason=relay-error'
    report "the agent ends an idle session over a cut link" "$begin" 95
    wait_until 60 says alice ' not-connected '
    report "the agent notices that its polls are gone" "$begin" 95
    wait_until 60 says relay ' left .*peer=10.77.0.2:'
    report "the relay notices that the agent is gone" "$begin" 95
    ended_well idle
    report "the local side sees the end of the session as an error" "$begin" 95
    alices=$(grep -c ' waiting ' alice.log)
    mend alice
    mended=$(now)
    wait_until 60 waits alice $((alices + 1))
    report "after the link is mended the agent polls again" "$mended" 30
    # shellcheck disable=SC2046
    kill -CONT $(handlers_of 10.77.0.3) 2>/dev/null || :
    local_play again <<'SCRIPT'
client = stone("alice", GET + b"hello", host=RELAY)
assert client.head() == OK and client.read(5) == b"hello"
client.close()
SCRIPT
    ended_well again
}

# bats test_tags=slow
@test "a link that is cut for 10 seconds ends nothing" {
    agent alice
    local_play idle <<'SCRIPT'
client = stone("alice", GET + b"one", host=RELAY)
assert client.head() == OK and client.read(3) == b"one"
at_point("idle")
client.send(b"two")
assert client.read(3) == b"two"
client.close()
SCRIPT
    await_point idle idle
    wait_until 60 settled alice
    cut alice
    sleep 10
    mend alice
    begin=$(now)
    go_on idle
    ended_well idle
    report "the session goes on" "$begin" 10
    not says alice ' not-connected '
}
