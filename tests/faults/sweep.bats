#!/usr/bin/env bats
# Every call that a program makes may fail: out of memory, out of descriptors,
# interrupted, in part. One session breaks by it, never silently, and the next
# goes well. See faults/sweep.py, and faults/shim.c, which makes calls fail.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/faults

# How far the sweep goes on among allocations; 25 times closer among the rest.
# "make faults" tries every one.
stride=${FAULT_STRIDE:-300}

setup_file() {
    make_pki alice
    build_shim
}

setup() {
    prepare
    cp "$BATS_FILE_TMPDIR/shim.so" .
    control=$scratch/control
    python3 -SB "$tests/faults/shared.py" "$control"
    # a session that fails costs no more than that
    configure 'tls_timeout = 4' 'head_timeout = 4' 'match_timeout = 2'
}

# shimmed NAME WANTED COMMAND...: for start; with the shim where NAME is WANTED.
shimmed() {
    local name=$1 wanted=$2
    shift 2
    if [ "$name" = "$wanted" ]; then
        exec env LD_PRELOAD="$scratch/shim.so" FAULTS="$control" "$@"
    fi
    exec "$@"
}

# a_relay WHO: whose broker or spawner, if that is WHO, has the shim.
a_relay() {
    start broker shimmed "$1" broker bin/relay-broker -c "$scratch/relay.conf"
    await_start broker says broker ' start '
    spawner=listen
    start relay shimmed "$1" spawner bin/relay-listen -c "$scratch/relay.conf"
    await_start relay says relay ' start '
}

# a_relay_of_xinetd: whose handlers have the shim.
a_relay_of_xinetd() {
    [ -n "$SYSLOG_FILE" ] || skip 'needs root, and no other syslog daemon'
    start_broker
    spawner=xinetd syslog_before=$(wc -l <"$SYSLOG_FILE")
    # relay-handoff would clear the environment first
    entry_edit='s,/relay-handoff,/relay-handler,'
    write_xinetd_conf | sed "s,^\([[:space:]]*\)passenv.*,\1env = LD_PRELOAD=$scratch/shim.so FAULTS=$control," \
        >xinetd.conf
    start relay unprivileged xinetd -dontfork -f "$scratch/xinetd.conf" \
        -pidfile "$scratch/xinetd.pid" -filelog "$scratch/xinetd.log"
    await_start relay listening "$relay_port"
}

# swept SUBJECT [KIND...]: and nothing was wrong.
swept() {
    SCRATCH=$scratch RELAY_PORT=$relay_port CLIENT_ADDRESS=$client_address \
        RELAY_LOG=$scratch/relay.log STONE_PORT=${stone_port-} TARGET_PORT=${target_port-} \
        python3 -SB "$tests/faults/sweep.py" "$1" "$control" "$stride" "${@:2}" >sweep.log 2>&1 3>&- || {
        cat sweep.log
        return 1
    }
    echo "# $(tail -n 1 sweep.log)" >&3
    not says relay ' handler-killed '
}

# bats test_tags=slow
@test "any call of an agent's handler may fail" {
    a_relay spawner
    swept agent-handler
}

# bats test_tags=slow
@test "any call of a stone's handler may fail" {
    a_relay spawner
    swept stone-handler
}

# Not allocations: libseccomp, which such a handler makes its filter with, dies
# of some. The others are the same as those of relay-listen's handlers.
# bats test_tags=slow
@test "any call of a handler of xinetd but an allocation may fail" {
    local kinds=(read write recvmsg sendmsg connect socket poll open)
    a_relay_of_xinetd
    swept agent-handler "${kinds[@]}"
    swept stone-handler "${kinds[@]}"
}

@test "any call of relay-listen may fail" {
    a_relay spawner
    swept spawner
    running relay
}

# bats test_tags=slow
@test "any call of the broker may fail" {
    a_relay broker
    swept broker
    running broker
}

an_agent() {
    target_port=$(free_port)
    printf '%s\n' -n '-m 1:1' "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "127.0.0.1:$target_port" >agent.conf
    start agent shimmed agent agent bin/relayagent -C "$scratch/agent.conf"
    wait_until 60 waits agent 1
}

# bats test_tags=slow
@test "any call of relayagent's polls and sessions may fail" {
    a_relay nobody
    an_agent
    swept agent-session
}

@test "any call of relayagent may fail" {
    a_relay nobody
    an_agent
    swept agent
    running agent
}

a_stone() {
    stone_port=$(free_port)
    write_stone_conf stone '--sessions 0' "$(to_relay "localhost:$stone_port")"
    start stone shimmed stone stone bin/relay-stone -C "$scratch/stone.conf"
    await_start stone says stone ' start '
}

@test "any call of relay-stone's sessions may fail" {
    a_relay nobody
    a_stone
    swept stone-session
}

@test "any call of relay-stone may fail" {
    a_relay nobody
    a_stone
    swept stone
    running stone
}
