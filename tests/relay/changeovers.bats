#!/usr/bin/env bats
# Sealed sessions by the hundred: random sizes, half-closes and orders of ends,
# with checksums, through each spawner and an HTTP proxy; and what the relay's
# processes have of them.
#
# "make soak" has 20,000: SEALED_SESSIONS.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/shared
load ../lib/sealed

sessions=${SEALED_SESSIONS:-300}

setup_file() {
    make_pki alice
}

setup() {
    prepare
    start_broker
}

# all_whole COUNT: of so many sessions, each with its bytes and its end.
all_whole() {
    start_streams target
    start_waiting_agent agent alice "$target" '--seal require' '-m 4:64' "${agent_lines[@]}"
    a_sealing_stone require "${stone_lines[@]}"
    timeout 3000 python3 -SB "$tests/lib/streams.py" client "$stone_port" "$1" 16 3>&-
    wait_until 60 says_times target "$1" '^whole'
    says_times target 0 '^(spoilt|error)'
    wait_until 60 says_times stone "$1" ' session .* reason=done .* seal=[a-z]+$'
    says_times stone 0 ' (reason=(relay|client)-error|not-connected|refused) '
}

# bats test_tags=slow
@test 'all sessions are whole: relay-listen' {
    start_relay listen
    agent_lines=() stone_lines=()
    all_whole $((sessions / 3 / 4 * 4))
    says_times stone "$(grep -c ' session ' stone.log)" ' seal=bare$'
}

# bats test_tags=slow
@test 'all sessions are whole: xinetd' {
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    start_relay xinetd
    agent_lines=() stone_lines=()
    all_whole $((sessions / 3 / 4 * 4))
    says_times stone "$(grep -c ' session ' stone.log)" ' seal=bare$'
}

# bats test_tags=slow
@test 'all sessions are whole: through an HTTP proxy, where they stay in TLS' {
    start_relay listen
    proxy_port=$(free_port)
    printf '%s\n' "Port $proxy_port" 'Listen 127.0.0.1' 'Timeout 60' 'LogLevel Error' \
        'MaxClients 300' "ConnectPort $relay_port" >proxy.conf
    start proxy tinyproxy -d -c proxy.conf
    await_start proxy listening "$proxy_port"
    agent_lines=("-x 127.0.0.1:$proxy_port") stone_lines=("-x 127.0.0.1:$proxy_port")
    all_whole $((sessions / 3 / 4 * 4))
    says_times stone "$(grep -c ' session ' stone.log)" ' seal=sealed$'
}

# marker_in PID FILE: whether its memory holds what FILE does. One that has ended
# holds nothing.
marker_in() {
    python3 -SB - "$1" "$2" <<'END'
import os, re, sys
pid, marker = sys.argv[1], open(sys.argv[2], "rb").read()
try:
    os.stat(f"/proc/{pid}/mem")
except FileNotFoundError:
    sys.exit(1)
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
    for line in maps:
        start, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        if mode[0] != "r" or "[v" in line:
            continue
        try:
            memory.seek(int(start, 16))
            data = memory.read(int(end, 16) - int(start, 16))
        except OSError:  # pages that nobody may read
            continue
        if marker in data:
            sys.exit(0)
sys.exit(1)
END
}

# a_marked_session SEAL: its marker has crossed both ways, and it lives.
a_marked_session() {
    a_sealing_agent auto "$target"
    a_sealing_stone "$1"
    export STONE_PORT=$stone_port
    start_play crosses <<'SCRIPT'
sock = tcp(port=int(os.environ["STONE_PORT"]))
marker = open("marker", "rb").read()
for _ in range(50):
    sock.sendall(marker)
    assert sock.recv(len(marker), socket.MSG_WAITALL) == marker
at_point("crossed")
SCRIPT
    await_point crosses crossed
}

@test "what crosses a sealed session is in neither handler's memory, nor the broker's" {
    is_root || skip 'needs root, to read memory'
    local pid children bare
    start_relay listen
    start_streams target echo
    # in a file: what a program is started with stays in its memory
    head -c 48 /dev/urandom | base64 -w 0 >marker
    for bare in yes no none; do
        echo "# bare: $bare"
        if [ "$bare" = no ]; then
            stop relay
            configure 'bare = no'
            start_relay listen
        fi
        if [ "$bare" = none ]; then
            a_marked_session off
        else
            a_marked_session require
        fi
        read_pid relay
        children_of "$pid"
        local found=0
        for pid in "$pid" "$(pid_of broker)" "${children[@]}"; do
            if marker_in "$pid" marker; then
                found=$((found + 1))
            fi
        done
        # the control: unsealed it is in both
        if [ "$bare" = none ]; then [ "$found" -ge 1 ]; else [ "$found" -eq 0 ]; fi
        go_on crossed
        ended_well crosses
        stop stone
        stop agent
        rm crossed.*
    done
}
