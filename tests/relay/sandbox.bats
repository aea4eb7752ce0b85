#!/usr/bin/env bats
# What each program may do no more, once it serves: a forbidden call kills it.
#
# shellcheck disable=SC2034,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

setup() {
    prepare
    sandboxed=$tests/../build/tests/sandboxed
    elsewhere=$BATS_FILE_TMPDIR/elsewhere
    : >"$elsewhere"
    [ -x "$sandboxed" ] || skip 'make test-programs'
}

# tries STAGE CALL: its exit status, and what it says of the call.
tries() {
    run "$sandboxed" "$scratch/relay.conf" "$elsewhere" "$1" "$2"
}

# forbids STAGE CALL...: each kills the process, with SIGSYS.
forbids() {
    local stage=$1 call
    shift
    for call; do
        tries "$stage" "$call"
        echo "$stage: $call: status $status $output"
        [ "$status" -eq $((128 + 31)) ]
    done
}

# refuses STAGE ERROR CALL...: each fails with this error.
refuses() {
    local stage=$1 error=$2 call
    shift 2
    for call; do
        tries "$stage" "$call"
        echo "$stage: $call: status $status $output"
        [ "$status" -eq 0 ]
        [[ ${lines[-1]} == "$error" ]]
    done
}

allows() {
    refuses "$1" allowed "${@:2}"
}

# need_landlock ABI: or skip what it is needed for.
need_landlock() {
    python3 - "$1" <<'END' || skip "needs Landlock, version $1"
import ctypes, sys
libc = ctypes.CDLL(None)
sys.exit(libc.syscall(444, None, ctypes.c_size_t(0), 1) < int(sys.argv[1]))
END
}

# ---- each stage ---------------------------------------------------------------

never=(exec ptrace peek packet)

@test 'a handler opens nothing, starts nothing, signals nobody and has no network' {
    local stage
    for stage in handler listen-handler; do
        forbids "$stage" "${never[@]}" fork kill executable protect \
            open read-elsewhere read-beside write-file unlink inet
        refuses "$stage" EACCES stream
        allows "$stage" write seqpacket
    done
}

@test 'a handler that loads its keys reads beside them and nothing else' {
    forbids handler-loading "${never[@]}" fork kill executable protect write-file unlink inet
    allows handler-loading read-beside
    need_landlock 1
    refuses handler-loading EACCES open read-elsewhere
}

@test 'relay-listen forks, and starts no program, writes no file and dials nowhere' {
    forbids listen "${never[@]}" executable protect write-file inet
    allows listen fork read-beside
    need_landlock 6
    refuses listen EACCES read-elsewhere unlink
    refuses listen EPERM kill
}

@test 'relay-handoff, which has handed over, only waits' {
    forbids handoff "${never[@]}" fork kill executable protect open unlink write \
        inet stream seqpacket
}

@test 'relay-keyd forks nothing, signals nobody, connects nowhere, and reads beside its files' {
    forbids keyd "${never[@]}" fork kill executable protect write-file inet seqpacket list lock
    refuses keyd EACCES stream
    allows keyd read-beside write
    need_landlock 1
    refuses keyd EACCES read-etc read-state unlink
}

@test 'relay-keyd with a token also lists its folder, and locks memory, and no more' {
    forbids keyd-token "${never[@]}" fork kill executable protect write-file inet seqpacket
    refuses keyd-token EACCES stream
    allows keyd-token read-beside write list lock
    need_landlock 1
    refuses keyd-token EACCES read-etc read-state unlink
}

@test 'relay-presence forks nothing, signals nobody, connects to its store, and reads beside its files' {
    forbids presence "${never[@]}" fork kill executable protect write-file unlink
    allows presence read-beside write seqpacket connect-relay
    need_landlock 1
    refuses presence EACCES read-etc read-state read-elsewhere
    need_landlock 4
    refuses presence EACCES connect-other
}

@test 'the broker forks nothing, signals nobody and has no network' {
    forbids broker "${never[@]}" fork kill executable protect write-file inet
    refuses broker EACCES stream
    allows broker read-beside
    need_landlock 1
    refuses broker EACCES read-state unlink
}

@test 'relayagent starts no program, writes no file; its polls connect where they are to' {
    forbids agent "${never[@]}" executable protect write-file unlink
    forbids agent-poll "${never[@]}" fork kill executable protect write-file unlink
    allows agent fork
    allows agent-poll open connect-relay connect-target
    need_landlock 1
    refuses agent-poll EACCES read-elsewhere read-beside read-etc read-state
    need_landlock 4
    refuses agent-poll EACCES connect-other
}

@test 'relay-stone starts no program, writes no file; its sessions connect where they are to' {
    forbids stone "${never[@]}" executable protect write-file
    forbids stone-session "${never[@]}" fork kill executable protect write-file unlink
    allows stone fork
    allows stone-session open connect-relay
    need_landlock 1
    refuses stone EACCES unlink
    refuses stone-session EACCES read-elsewhere read-beside read-etc read-state
    need_landlock 4
    refuses stone-session EACCES connect-other connect-target
}

@test 'relayctl starts no program and has no network' {
    local stage
    for stage in relayctl relayctl-ledger; do
        forbids "$stage" "${never[@]}" fork kill executable protect inet stream
        allows "$stage" read-beside
    done
    # what reads from other relays has not even files
    forbids relayctl-courier "${never[@]}" fork kill executable protect inet stream seqpacket \
        open read-beside write-file unlink
}

@test 'no way leads past the ports: no fast open, no MPTCP or SCTP, nothing above TCP' {
    local stage
    for stage in handler listen listen-handler handler-loading keyd broker agent agent-poll \
        stone stone-session relayctl relayctl-ledger relayctl-courier; do
        forbids "$stage" fast-sendto fast-sendmsg fast-sendmmsg ulp mptcp sctp raw netfilter
        allows "$stage" nodelay
    done
}

@test 'a session whose relays and targets have addresses has no UDP, one with a name has' {
    forbids agent-poll udp
    forbids stone-session udp
    allows agent-poll-names udp
    forbids agent-poll-names fast-sendto fast-sendmsg fast-sendmmsg ulp mptcp sctp raw netfilter
}

@test 'a session reads the name servers where they are a link to another folder, and that alone' {
    local stage
    is_root || skip 'needs root, for files of names'
    need_landlock 1
    mkdir "$scratch/etc" "$scratch/servers"
    cp /etc/passwd /etc/hosts "$scratch/etc"
    echo 'nameserver 127.0.0.1' >"$scratch/servers/resolv.conf"
    ln -s "$scratch/servers/resolv.conf" "$scratch/etc/resolv.conf"
    for stage in agent-poll stone-session; do
        # shellcheck disable=SC2016
        run -0 unshare -m bash -c 'mount --bind "$1/etc" /etc && shift && for call in read-etc \
            open read-resolv; do "${@:1:4}" "$call" 2>/dev/null && echo; done' bash "$scratch" \
            "$sandboxed" "$scratch/relay.conf" "$elsewhere" "$stage"
        [ "$output" = $'EACCES\nallowed\nallowed' ]
    done
}

# ---- the programs -------------------------------------------------------------

# status_of PID FIELD: of /proc/PID/status.
status_of() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# in_sandbox PID FILTERS: so many filters of system calls, and no way to more.
in_sandbox() {
    echo "$1: $(tr '\0' ' ' <"/proc/$1/cmdline")"
    [ "$(status_of "$1" Seccomp)" = 2 ]
    [ "$(status_of "$1" Seccomp_filters)" = "$2" ]
    [ "$(status_of "$1" NoNewPrivs)" = 1 ]
}

# has_limit PID NAME VALUE: soft and hard; sanitizers need more.
has_limit() {
    [ -n "${BUILT-}" ] || grep -E "^$2 +$3 +$3 " "/proc/$1/limits"
}

child_of() {
    pgrep -P "$(pid_of "$1")" | head -n 1
}

# a_handler FILTERS: one that serves a poll.
a_handler() {
    local handler
    start_agent agent alice 127.0.0.1:1
    wait_until 60 says agent ' waiting '
    handler=$(child_of relay)
    in_sandbox "$handler" "$1"
    has_limit "$handler" 'Max open files' 16
    has_limit "$handler" 'Max processes' 0
}

@test 'the running programs are in their sandboxes, and a handler has its limits' {
    start_broker
    start_relay listen
    a_handler 2
    in_sandbox "$(pid_of broker)" 1
    in_sandbox "$(pid_of relay)" 1
    in_sandbox "$(pid_of agent)" 1
    in_sandbox "$(child_of agent)" 2
    need_landlock 6
    not says broker sandbox-degraded
    not says relay sandbox-degraded
    not says agent sandbox-degraded
}

@test 'a handler whose log is no file may write to none' {
    start_broker
    mkfifo "$scratch/pipe"
    start drain cat "$scratch/pipe"
    start relay sh -c "exec '$scratch/bin/relay-listen' -c '$scratch/relay.conf' 2>'$scratch/pipe'"
    wait_until 60 listening "$relay_port"
    a_handler 2
    has_limit "$(child_of relay)" 'Max file size' 0
    stop relay
}

@test 'a handler under xinetd is in its sandbox, and has its limits' {
    [ -n "$SYSLOG_FILE" ] || skip 'needs root, and no other syslog daemon'
    start_broker
    start_relay xinetd
    a_handler 2
    has_limit "$(child_of relay)" 'Max file size' 0
}

# has_state PID LETTER: as ps(1) has it.
has_state() {
    [ "$(ps -o state= -p "$1")" = "$2" ]
}

@test 'relay-handoff is in its sandbox, goes on there when it was stopped, and ends well' {
    local entry_edit handoff
    [ -n "$SYSLOG_FILE" ] || skip 'needs root, and no other syslog daemon'
    sed -i '/^listen/d' relay.conf
    configure 'handoff = handoff.sock'
    start_broker
    start forker "$scratch/bin/relay-listen" -c "$scratch/relay.conf"
    await_start forker says forker ' start '
    entry_edit="s,log_on_success.*,log_on_success = EXIT\nlog_type = FILE $scratch/exits.log,"
    start_relay xinetd
    start_agent agent alice 127.0.0.1:1
    wait_until 60 says agent ' waiting '
    handoff=$(child_of relay)
    in_sandbox "$handoff" 1
    kill -STOP "$handoff"
    wait_until 60 has_state "$handoff" T
    kill -CONT "$handoff"
    wait_until 60 has_state "$handoff" S
    stop agent
    wait_until 60 grep 'EXIT: vpn-warp-relay status=0' exits.log
}

@test 'one of the same user cannot look into a handler' {
    is_root || skip 'needs root, to be that user'
    start_broker
    start_relay listen
    start_agent agent alice 127.0.0.1:1
    wait_until 60 says agent ' waiting '
    (unprivileged /usr/bin/python3 - "$(child_of relay)") <<'END'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(16, int(sys.argv[1]), 0, 0) == -1
assert ctypes.get_errno() == 1
END
}

@test 'a handler that was started by itself logs to the standard error' {
    start_broker
    configure 'tls_timeout = 1'
    run -0 unprivileged /usr/bin/python3 -SB - "$scratch" 3>&- <<'END'
import socket, subprocess, sys
ours, theirs = socket.socketpair()
ours.sendall(b"nonsense")
done = subprocess.run([f"{sys.argv[1]}/bin/relay-handler", "-c", f"{sys.argv[1]}/relay.conf"],
                      stdin=theirs, stderr=subprocess.PIPE, timeout=60)
print(done.stderr.decode())
assert done.returncode == 0, done
END
    [[ $output == *' tls-refused '* ]]
}

@test 'where the kernel lacks it all, every program serves, and says so' {
    local name without=$tests/../build/tests/without
    start broker "$without" "$scratch/bin/relay-broker" -c "$scratch/relay.conf"
    await_start broker says broker ' start '
    start relay "$without" "$scratch/bin/relay-listen" -c "$scratch/relay.conf"
    await_start relay says relay ' start '
    start_agent plain alice 127.0.0.1:1
    wait_until 60 says plain ' waiting '
    stop plain
    start agent "$without" "$scratch/bin/relayagent" -C "$scratch/plain.conf"
    wait_until 60 says agent ' waiting '
    printf '%s\n' "-q key=$scratch/alice/private.pem" "-q cert=$scratch/alice/cert.pem" \
        "-q CAfile=$scratch/ca.pem" \
        "127.0.0.1:$relay_port/ssl,http 127.0.0.1:$(free_port) \"GET / HTTP/1.1\" --" >stone.conf
    start stone "$without" "$scratch/bin/relay-stone" -C stone.conf
    wait_until 60 says stone ' start '
    for name in broker relay agent stone; do
        echo "$name"
        says "$name" ' sandbox-degraded lacks=landlock$'
        says "$name" ' sandbox-degraded lacks=seccomp$'
    done
    "$without" "$scratch/bin/relayctl" -c "$scratch/relay.conf" status
}
