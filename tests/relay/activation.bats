#!/usr/bin/env bats
# relay-listen under a service manager, which keeps its port open: what it is
# given, what it says, and that one leaves its sessions to themselves for the next.
#
# shellcheck disable=SC2154

load ../lib/helpers

setup_file() {
    make_pki alice bob
}

# start_managed: by a manager that has the port; relay.conf has another.
start_managed() {
    take_port
    sed -i "s/^listen = .*/listen = 127.0.0.1:$port/" relay.conf
    : >"$scratch/relay.log"
    start relay unprivileged python3 -SB "$tests/lib/manager.py" "${1-$relay_port}" \
        "$scratch/bin/relay-listen" -c "$scratch/relay.conf"
}

# tell_spawner SIGNAL: to relay-listen itself.
tell_spawner() {
    local children
    children_of "$(pid_of relay)"
    kill -"$1" "${children[0]}"
}

@test "relay-listen serves the sockets that it is given, in place of its listen lines" {
    start_broker
    start_managed
    await_start relay says relay ' start '
    not listening "$port"
    play <<'SCRIPT'
agent, client = session("alice")
client.send(b"here")
assert agent.read(4) == b"here"
SCRIPT
}

@test "a reload keeps the sockets that it was given" {
    start_broker
    start_managed
    await_start relay says relay ' start '
    tell_spawner HUP
    wait_until 60 says relay ' reloaded$'
    play <<'SCRIPT'
agent, client = session("alice")
client.send(b"here")
assert agent.read(4) == b"here"
SCRIPT
}

@test "at SIGUSR2 relay-listen leaves its sessions to themselves, and the next one serves at once" {
    start_broker
    start_managed
    await_start relay says relay ' start '
    start_play traffic <<'SCRIPT'
waiting = poll("bob")
agent, client = session("alice")
client.send(b"before")
assert agent.read(6) == b"before"
at_point("leave")
assert waiting.rest() == b""
client.send(b"after")
assert agent.read(5) == b"after"
second, new = session("bob")
new.send(b"new")
assert second.read(3) == b"new"
client.finish()
assert agent.rest() == b""
agent.finish()
assert client.rest() == b""
SCRIPT
    await_point traffic leave
    tell_spawner USR2
    wait_until 60 says relay ' leaving handlers=3$'
    wait_until 60 says_times relay 2 ' start '
    go_on leave
    ended_well traffic
}

@test "a stone that waits while one relay-listen follows another has its agent from the next" {
    start_broker
    start_managed
    await_start relay says relay ' start '
    start_play visitor <<'SCRIPT'
client = stone("alice")
assert client.silent(0.5)
at_point("leave")
agent = poll("alice")
client.send(b"still here")
head_of_stone(agent)
assert agent.read(10) == b"still here"
SCRIPT
    await_point visitor leave
    tell_spawner USR2
    wait_until 60 says_times relay 2 ' start '
    go_on leave
    ended_well visitor
}

@test "broker and relay-listen tell the manager that they are ready" {
    start manager socat -u "UNIX-RECV:$scratch/notify" "CREATE:$scratch/told"
    wait_until 60 [ -S notify ]
    give notify
    export NOTIFY_SOCKET=$scratch/notify
    start_broker
    wait_until 60 grep -aq READY=1 told
    start_relay listen
    wait_until 60 grep -aq 'READY=1READY=1' told
}

@test "a socket that does not listen for TCP is refused" {
    start_managed udp
    run ! await_end relay
    says relay '^relay-listen: fd 3 of the service manager does not listen for TCP$'
}

@test "more sockets than there can be are refused" {
    export PASSED=17
    start_managed
    run ! await_end relay
    says relay '^relay-listen: the service manager has more than 16 sockets for it$'
}

@test "sockets that are said to be another process's are not taken" {
    export PASSED_TO=1
    start_managed
    await_start relay says relay ' start '
    listening "$port"
}
