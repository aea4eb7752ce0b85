#!/usr/bin/env bats
# Where relayagent leads to: several services behind one agent, and targets of
# every kind.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

setup() {
    prepare
    start_broker
    start_relay listen
}

# agent LINE...: one that forwards; the lines end with its targets.
agent() {
    printf '%s\n' -n "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "$@" >agent.conf
    start agent "${wrapper[@]}" bin/relayagent -C agent.conf
    wait_until 60 says agent ' waiting '
}

# serve NAME ADDRESS: a server that says NAME, and then what it was told.
serve() {
    printf '%s\n' '#!/bin/sh' "echo $1" 'exec cat' >"$1.sh"
    chmod 755 "$1.sh"
    start "$1" socat "$2,fork" "EXEC:$scratch/$1.sh"
}

# tcp_server NAME [ADDRESS]: sets port.
tcp_server() {
    port=$(free_port)
    serve "$1" "${2-TCP4-LISTEN}:$port,reuseaddr"
    wait_until 60 listening "$port"
}

# ask [FIELD...]: prints what a stone with these fields in its head gets.
ask() {
    printf '%s\n' "$@" >fields
    play <<'SCRIPT'
with open(f"{SCRATCH}/fields", "rb") as fields:
    head = b"".join(line.strip() + b"\r\n" for line in fields if line.strip())
client = stone("alice", b"GET / HTTP/1.1\r\n" + head + b"\r\nhello\n")
client.finish()
print(client.rest().decode().replace("\r", ""))
SCRIPT
}

@test "a stone asks for a service by name, and gets the first target without" {
    tcp_server main
    main=$port
    tcp_server db
    agent "127.0.0.1:$main" "db=127.0.0.1:$port" "other.name_1-x=127.0.0.1:$port"
    [[ $(ask) == *$'200 OK\n\nmain\nhello'* ]]
    [[ $(ask 'X-Service: db') == *$'200 OK\n\ndb\nhello'* ]]
    [[ $(ask 'x-service:DB ') == *$'200 OK\n\ndb\nhello'* ]]
    [[ $(ask 'X-Service: other.name_1-x') == *$'200 OK\n\ndb\nhello'* ]]
    wait_until 60 says agent ' session .* target=127.0.0.1:[0-9]+ service=db seal=[a-z]+$'
}

@test "an unknown service is 404, which names none" {
    tcp_server main
    agent "127.0.0.1:$port" 'secret-name=127.0.0.1:9'
    run ask 'X-Service: nothing'
    [[ $output == 'HTTP/1.1 404 No such service'* ]]
    [[ $output != *secret* ]]
    says agent ' no-such-service service=nothing '
    # an address is no name
    [[ $(ask "X-Service: 127.0.0.1:$port") == 'HTTP/1.1 404 '* ]]
}

@test "two X-Service, and one that is too long, are refused" {
    tcp_server main
    agent "127.0.0.1:$port"
    [[ $(ask 'X-Service: a' 'X-Service: b') == 'HTTP/1.1 400 X-Service is given twice'* ]]
    [[ $(ask "X-Service: $(printf '%064d' 0)") == 'HTTP/1.1 400 X-Service is not of 1 to 63 characters'* ]]
}

@test "targets: IPv6, a Unix socket, a name" {
    serve unix "UNIX-LISTEN:$scratch/target.sock"
    wait_until 60 [ -S target.sock ]
    tcp_server six 'TCP6-LISTEN'
    six=$port
    tcp_server named
    agent "unix:$scratch/target.sock" "six=[::1]:$six" "named=localhost:$port"
    [[ $(ask) == *$'unix\nhello'* ]]
    [[ $(ask 'X-Service: six') == *$'six\nhello'* ]]
    [[ $(ask 'X-Service: named') == *$'named\nhello'* ]]
}

@test "a target that is not there is 502 with the reason" {
    agent "127.0.0.1:$(free_port)" 'none=nowhere.invalid:1' "path=unix:$scratch/none.sock"
    [[ $(ask) == 'HTTP/1.1 502 Target unreachable: 127.0.0.1 port '*': Connection refused'* ]]
    [[ $(ask 'X-Service: none') == 'HTTP/1.1 502 Target unreachable: nowhere.invalid: '* ]]
    [[ $(ask 'X-Service: path') == 'HTTP/1.1 502 '*'none.sock: No such file'* ]]
}

@test "a cut connection is a reset to a target on TCP, and but an end to one on a Unix socket" {
    port=$(free_port)
    echo "$port" >port
    agent "127.0.0.1:$port" "path=unix:$scratch/cut.sock"
    play <<'SCRIPT'
import socket
on_tcp = socket.create_server(("127.0.0.1", int(open(f"{SCRATCH}/port").read())))
on_unix = socket.socket(socket.AF_UNIX)
on_unix.bind(f"{SCRATCH}/cut.sock")
on_unix.listen()

def seen(listener, *field):
    client = stone("alice", b"\r\n".join((b"GET / HTTP/1.1", *field)) + b"\r\n\r\nhalf")
    listener.settimeout(60)
    target, _ = listener.accept()
    target.settimeout(60)
    assert target.recv(4) == b"half"
    client.reset()
    try:
        return target.recv(1)
    except ConnectionResetError:
        return "reset"

assert seen(on_tcp) == "reset"
assert seen(on_unix, b"X-Service: path") == b""
SCRIPT
}

# deaf PORT: a listener on 127.0.0.2 whose queue is full, so that nobody gets
# through to it and nobody is refused.
deaf() {
    start deaf python3 -c '
import socket, sys, time
port = int(sys.argv[1])
deaf = socket.socket()
deaf.bind(("127.0.0.2", port))
deaf.listen(0)
fill = []
for _ in range(4):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("127.0.0.2", port))
    fill.append(s)
open("deaf.ready", "w").close()
time.sleep(1000)
' "$1"
    wait_until 60 [ -e deaf.ready ]
}

# with_hosts LINE...: the agent sees these names.
with_hosts() {
    is_root || skip 'needs root, for a file of names'
    printf '%s\n' "$@" >hosts
    # shellcheck disable=SC2016
    wrapper=(unshare -m bash -c "mount --bind $scratch/hosts /etc/hosts && exec \"\$@\"" agent)
}

# with_own_etc: the agent has an /etc of its own, with names in files alone.
with_own_etc() {
    is_root || skip 'needs root, for files of names'
    mkdir etc
    cp /etc/passwd /etc/services etc
    echo 'hosts: files' >etc/nsswitch.conf
    echo '127.0.0.1 localhost' >etc/hosts
    wrapper=(unshare -m bash -c "mount --bind $scratch/etc /etc && exec \"\$@\"" agent)
}

asked() {
    [[ $(ask) == *$'renamed\nhello'* ]]
}

@test "a file of names that another takes the place of is read by new polls" {
    with_own_etc
    port=$(free_port)
    serve renamed "TCP4-LISTEN:$port,reuseaddr"
    agent "late.test:$port"
    echo '127.0.0.1 late.test' >etc/hosts.new
    mv etc/hosts.new etc/hosts
    wait_until 60 says agent ' names-changed$'
    wait_until 60 asked
}

milliseconds() {
    echo $((${EPOCHREALTIME/./} / 1000))
}

@test "all addresses of a name are tried, one soon after the other (RFC 8305)" {
    with_hosts '127.0.0.2 eyes.test' '127.0.0.3 eyes.test' '127.0.0.4 eyes.test'
    port=$(free_port)
    deaf "$port"
    # 127.0.0.3 refuses at once
    serve late "TCP4-LISTEN:$port,bind=127.0.0.4,reuseaddr"
    agent "eyes.test:$port"
    begin=$(milliseconds)
    [[ $(ask) == *$'late\nhello'* ]]
    took=$(($(milliseconds) - begin))
    echo "# through an address that does not answer: $took ms" >&3
    [ "$took" -lt 2000 ]
}

# bats test_tags=slow
@test "a target that does not answer is 502 after the time-out" {
    port=$(free_port)
    deaf "$port"
    agent "127.0.0.2:$port"
    begin=$(milliseconds)
    [[ $(ask) == 'HTTP/1.1 502 '*'Connection timed out'* ]]
    took=$(($(milliseconds) - begin))
    [ "$took" -ge 9500 ] && [ "$took" -lt 13000 ]
}

# ---- PROXY protocol ----

# first_bytes LISTENER TARGET READY...: what the target gets, in hex, in $bytes.
first_bytes() {
    start target socat -u "$1" "CREATE:$scratch/target.bytes"
    wait_until 60 "${@:3}"
    agent "$2" --proxy-protocol
    ask >/dev/null
    await_end target
    bytes=$(xxd -p target.bytes | tr -d '\n')
}

hex() {
    local IFS=.
    # shellcheck disable=SC2086
    printf '%02x' $1
}

signature=0d0a0d0a000d0a515549540a

@test "--proxy-protocol tells a target the stone's address" {
    port=$(free_port)
    first_bytes "TCP4-LISTEN:$port,reuseaddr" "127.0.0.1:$port" listening "$port"
    [[ $bytes == "${signature}2111000c$(hex "$client_address")7f0000010000$(printf %04x "$port")68656c6c6f"* ]]
}

@test "--proxy-protocol to a target on IPv6 maps the address" {
    port=$(free_port)
    first_bytes "TCP6-LISTEN:$port,reuseaddr" "[::1]:$port" listening "$port"
    [[ $bytes == "${signature}2121002400000000000000000000ffff$(hex "$client_address")00000000000000000000000000000001"* ]]
}

@test "--proxy-protocol to a Unix socket" {
    first_bytes "UNIX-LISTEN:$scratch/p.sock" "unix:$scratch/p.sock" [ -S p.sock ]
    [[ $bytes == "${signature}2111000c$(hex "$client_address")0000000000000000"68656c6c6f* ]]
}
