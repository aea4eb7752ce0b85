#!/usr/bin/env bats
# The broker's socket: who may connect to it, and what root does in its folder.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/customers

setup_file() {
    make_pki alice
}

setup() {
    prepare
    is_root || skip 'needs root'
}

teardown() {
    end_all
}

# as UID GID COMMAND...: as somebody else on this host.
as() {
    timeout 60 setpriv --reuid="$1" --regid="$2" --clear-groups "${@:3}"
}

# connect_as UID GID [TIMES]: to the broker's socket.
connect_as() {
    as "$1" "$2" /usr/bin/python3 -SBc '
import socket, sys
for _ in range(int(sys.argv[2])):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.connect(sys.argv[1])
    made.recv(100)' "$scratch/broker.sock" "${3-1}"
}

@test "the socket is for the relay's users and root alone" {
    start_broker
    [ "$(stat -c '%a %U %G' broker.sock)" = "660 $relay_user $relay_group" ]
    run connect_as 65533 65533
    [[ $output == *PermissionError* ]]
    ctl status
}

@test "with admin_group it is for that group, too, and no other" {
    configure 'admin_group = daemon'
    start_broker
    [ "$(stat -c '%a %U %G' broker.sock)" = "660 $relay_user $relay_group" ]
    as 65533 daemon "$scratch/bin/relayctl" -c relay.conf status
    run connect_as 65533 65533
    [[ $output == *PermissionError* ]]
}

@test "where handlers are of the relay's user, it is for that and root alone" {
    sed -i "s/^handler_user = .*/handler_user = $relay_user/" relay.conf
    start_broker
    [ "$(stat -c '%a %U' broker.sock)" = "600 $relay_user" ]
}

@test "strangers, should they get in, are a line a second at most" {
    start_broker
    chmod 666 broker.sock
    local start=${EPOCHREALTIME/./} seconds
    connect_as 65533 65533 500
    seconds=$(((${EPOCHREALTIME/./} - start) / 1000000 + 1))
    says broker ' stranger uid=65533 '
    count_lines broker ' stranger '
    [ "$counted" -le $((seconds + 1)) ]
}

@test "root makes a missing folder, and it is the relay's user's" {
    sed -i 's,^socket.*,socket = run/broker.sock,' relay.conf
    start_broker
    [ "$(stat -c '%a %U' run)" = "755 $relay_user" ]
    [ "$(stat -c '%a %U %G' run/broker.sock)" = "660 $relay_user $relay_group" ]
    [ "$(stat -c '%a %U' run/broker.sock.lock)" = "600 $relay_user" ]
}

@test "in the folder root has no more rights than the relay's user" {
    mkdir run
    sed -i 's,^socket.*,socket = run/broker.sock,' relay.conf
    run -69 timeout 60 "$scratch/bin/relay-broker" -c relay.conf
    [[ $output == *'run/broker.sock: Permission denied'* ]]
    [ -z "$(ls -A run)" ]
    # nor does a link there lead it to what that user may not write
    : >victim
    chmod 600 victim
    give run
    for name in broker.sock broker.sock.lock; do
        ln -s "$scratch/victim" "run/$name"
    done
    run -69 timeout 60 "$scratch/bin/relay-broker" -c relay.conf
    rm run/broker.sock.lock
    start_broker
    [ "$(stat -c '%a %U' victim)" = '600 root' ]
    [ "$(stat -c '%a %U %G' run/broker.sock)" = "660 $relay_user $relay_group" ]
}

@test "the socket for what is handed over is made likewise" {
    mkdir run
    configure 'handoff = run/handoff.sock'
    run -69 timeout 60 "$scratch/bin/relay-listen" -c relay.conf
    [[ $output == *'run/handoff.sock: Permission denied'* ]]
    [ -z "$(ls -A run)" ]
    give run
    start_relay listen
    [ "$(stat -c '%a %U %G' run/handoff.sock)" = "660 $relay_user $relay_group" ]
}

# ---- what handlers may not say ----

# as_handler: runs the script on stdin as the relay's user, which handlers are.
as_handler() {
    {
        sed -n 's/^#define MESSAGE_VERSION */VERSION = /p' "$tests/../broker/ipc/message.h"
        cat <<'LIBRARY'
import select, socket, struct

ATTACH, RELOAD = 13, 14

def connect():
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.connect("broker.sock")
    made.settimeout(60)
    return made

def say(to, kind, *fds):
    body = struct.pack("=QII", 0, 1, 0) if kind == ATTACH else struct.pack("=I", 0)
    packet = struct.pack("=HHI", VERSION, kind, 8 + len(body)) + body
    socket.send_fds(to, [packet], [fd.fileno() for fd in fds])

def dropped(sock):
    try:
        return sock.recv(100) == b""
    except ConnectionResetError:
        return True
LIBRARY
        cat
    } >handler.py
    unprivileged env PATH=/usr/bin:/bin timeout 60 python3 -SB handler.py
}

@test "a handler can neither attach as a spawner nor have all others reload" {
    start_broker
    relay_user=$handler_user as_handler_tries
    [ "$(status_of spawners)" -eq 0 ]
    wait_until 60 says_times broker 5 ' bad-message'
}

@test "nor can one that is of the relay's own user, without a badge" {
    start_broker
    badge=None as_handler_tries
    [ "$(status_of spawners)" -eq 0 ]
    wait_until 60 says_times broker 4 ' bad-message'
}

# as_handler_tries: what only a spawner may; with a badge, unless told.
as_handler_tries() {
    (as_handler) <<SCRIPT
badge = ${badge-socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)}
if badge:
    badge.bind("")
    badge.listen()
broker = connect()
say(broker, RELOAD)
assert dropped(broker)
for fds in [], [connect()], [open("/dev/null")], *([[badge]] if badge else []):
    broker = connect()
    say(broker, ATTACH, *fds)
    assert dropped(broker), fds
SCRIPT
    [ "$(status_of reloads_total)" -eq 0 ]
}

# ask_often: attaches, and asks for reloads until the broker's queue is full, then
# writes how many there are to the file asked, and stays.
ask_often() {
    as_handler <<'SCRIPT'
import os

badge = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
badge.bind("")
badge.listen()
broker = connect()
say(broker, ATTACH, badge)
# the broker is stopped: what is said waits
broker.setblocking(False)
asked = 0
try:
    while True:
        say(broker, RELOAD)
        asked += 1
except BlockingIOError:
    pass
with open("asked.new", "w", encoding="ascii") as file:
    file.write(str(asked))
os.rename("asked.new", "asked")
select.select([], [], [], 60)
SCRIPT
}

@test "of reloads that are asked for at once one runs and one waits" {
    start_broker
    kill -STOP "$(pid_of broker)"
    (ask_often) &
    local flood=$!
    wait_until 60 [ -e asked ]
    kill -CONT "$(pid_of broker)"
    wait_until 60 attached
    # it does not answer, and is given up
    reloads=$(status_of reloads_total)
    echo "asked $(<asked), reloads $reloads"
    [ "$(<asked)" -ge 100 ]
    [ "$reloads" -ge 1 ]
    [ "$reloads" -le $(($(<asked) / 8)) ]
    kill "$flood"
    wait "$flood" || :
}

attached() {
    [ "$(status_of spawners)" -eq 1 ] && says broker ' reload-failed .*silent='
}
