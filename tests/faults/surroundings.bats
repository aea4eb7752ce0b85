#!/usr/bin/env bats
# What the host may do to the relay: a disk that is full, a syslog daemon that is
# gone or hangs, a clock that is set, a journal in the standard error's place.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/faults

setup_file() {
    build_shim
    make_pki alice
}

setup() {
    is_root || skip 'needs root, for mounts'
    prepare
}

teardown() {
    # end_all removes the folder; the disk in it goes first
    [ -z "${full-}" ] || umount -l "$full"
    end_all
}

# ---- a full disk ------------------------------------------------------------

@test "a full disk for the logs ends nothing, and lines are written again when it is not" {
    full=$scratch/full
    mkdir "$full"
    mount -t tmpfs -o size=256k none "$full"
    for name in broker relay agent-alice stone; do
        ln -s "full/$name.log" "$name.log"
    done
    start_broker
    start_relay listen
    a_line alice '--sessions 0'
    head -c 1000000 /dev/zero >"$full/ballast" 2>/dev/null || :
    [ "$(df --output=avail "$full" | tail -n 1)" -eq 0 ]
    client sessions "$stone_port" alice $((rounds * 10)) 4
    for name in broker relay agent-alice stone; do
        running "$name"
    done
    rm "$full/ballast"
    client session "$stone_port" alice 1000 1000
    wait_until 60 says broker ' session .* reason=done'
    wait_until 60 says agent-alice ' session .* reason=done'
}

# ---- syslog -----------------------------------------------------------------

# with_own_dev COMMAND...: for start. In its /dev, $scratch/dev/log is the log.
with_own_dev() {
    # shellcheck disable=SC2016
    exec unshare -m sh -c 'mount --rbind "$1" /dev && shift && exec "$@"' sh "$scratch/dev" "$@"
}

# a_dev: with what programs need of it.
a_dev() {
    mkdir dev
    local name
    for name in null zero random urandom; do
        cp -a "/dev/$name" dev/
    done
    chmod 755 dev
}

# a_relay_on_syslog: whose handlers log to it, below xinetd.
a_relay_on_syslog() {
    spawner=xinetd syslog_before=0
    write_xinetd_conf >xinetd.conf
    start relay with_own_dev setpriv --reuid="$relay_user" --regid="$relay_group" --clear-groups \
        xinetd -dontfork -f "$scratch/xinetd.conf" -pidfile "$scratch/xinetd.pid" \
        -filelog "$scratch/xinetd.log"
    await_start relay listening "$relay_port"
}

sessions_go_well() {
    a_line alice
    client sessions "$stone_port" alice $((rounds * 10)) 4
}

@test "without a syslog daemon, sessions go well" {
    a_dev
    start_broker
    a_relay_on_syslog
    sessions_go_well
}

@test "with a syslog daemon that hangs, sessions go well" {
    a_dev
    start_broker
    # a socket that nobody reads, and that takes no more
    start hung python3 -c '
import os, socket, sys, time
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.connect(sys.argv[1])
sender.setblocking(False)
try:
    while True:
        sender.send(b"full")
except BlockingIOError:
    print("hangs", flush=True)
time.sleep(1000)
' "$scratch/dev/log"
    wait_until 60 says hung hangs
    a_relay_on_syslog
    sessions_go_well
}

# ---- the clock --------------------------------------------------------------

# stepped COMMAND...: for start, with the clock of the control file.
stepped() {
    exec env LD_PRELOAD="$scratch/shim.so" FAULTS="$scratch/control" "$@"
}

set_clock() {
    python3 -SB "$tests/faults/shared.py" "$scratch/control" step "$1"
}

@test "a clock that is set a day ahead, or a day back, ends no session and keeps nobody out" {
    cp "$BATS_FILE_TMPDIR/shim.so" .
    python3 -SB "$tests/faults/shared.py" "$scratch/control"
    configure 'crl = crl.pem'
    # the certificates are of today: two days from now, they are good a day ago
    set_clock $((2 * 86400))
    start broker stepped bin/relay-broker -c "$scratch/relay.conf"
    await_start broker says broker ' start '
    spawner=listen
    start relay stepped bin/relay-listen -c "$scratch/relay.conf"
    await_start relay says relay ' start '
    start_target target whole alice
    printf '%s\n' -n "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "$target" >agent-alice.conf
    start agent-alice stepped bin/relayagent -C "$scratch/agent-alice.conf"
    wait_until 60 waits agent-alice 2
    stone_port=$(free_port)
    write_stone_conf stone '--sessions 0' "$(to_relay "localhost:$stone_port")"
    start stone stepped bin/relay-stone -C "$scratch/stone.conf"
    await_start stone says stone ' start '
    start_client held session "$stone_port" alice held
    await_point held held
    for ((i = 0; i < rounds; i++)); do
        for days in 3 2 1 2; do
            set_clock $((days * 86400))
            client session "$stone_port" alice 20000 20000
            # those who only wait or flow have had the time to notice
            a_moment
            running held
        done
    done
    go_on held
    ended_whole held
    not says agent-alice ' not-connected '
    # the step was seen by the programs
    says broker "^$(date -u -d '3 days' +%Y-%m-%d)"
    says relay "^$(date -u -d '1 day' +%Y-%m-%d)"
}

@test "in systemd's journal a line has a priority, and no second time and name" {
    cat >journal.py <<'SCRIPT'
import os, socket, subprocess, sys

def lines(stream, command):
    """What the command logs to a stderr that is said to be a journal's."""
    ours, theirs = socket.socketpair()
    here = os.fstat(theirs.fileno())
    done = subprocess.Popen(command, stderr=theirs, env={
        "JOURNAL_STREAM": f"{here.st_dev}:{here.st_ino + (not stream)}"})
    theirs.close()
    got = ours.makefile()
    first = got.readline()
    done.terminate()
    done.wait(60)
    return [first, *got]

name = sys.argv[1]
good, bad = [name, "-c", "relay.conf"], [name, "-c", "missing.conf"]
assert lines(True, good)[0].startswith("<5>start version="), lines(True, good)
assert lines(True, bad) == ["<3>missing.conf: No such file or directory\n"]
assert ": start version=" in lines(False, good)[0]
assert lines(False, bad) == ["relay-broker: missing.conf: No such file or directory\n"]
SCRIPT
    timeout 60 python3 journal.py "$scratch/bin/relay-broker" 3>&-
}
