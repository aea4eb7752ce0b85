#!/usr/bin/env bats
# How agents come back to a broker that was restarted: all, soon, and not all
# at once.
#
# shellcheck disable=SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

# returns COUNT grown|full DOWN_MS: "ALL MOST LAST", how many came, how many in
# the fullest second, and the last second in which one came.
returns() {
    "$tests/../build/tests/comeback" "$@" |
        awk '{ all += $2; last = $1; if ($2 > most) most = $2 }
            END { print all, most, last }'
}

# spread ALL MOST LAST: as returns, of 1,000.
spread() {
    echo "$*"
    [ "$1" -eq 1000 ] && [ "$2" -le 100 ] && [ "$3" -lt 60 ]
}

@test 'of 1,000 agents all are back within 60 s, and no second has more than a tenth' {
    [ -x "$tests/../build/tests/comeback" ] || skip 'make test-programs'
    local how down
    for how in grown full; do
        for down in 0 300 1000 3000 10000 30000 60000; do
            # shellcheck disable=SC2046 # three words
            spread $(returns 1000 "$how" "$down")
        done
    done
}

@test 'of 300 agents all are back within 10 s of a short absence' {
    [ -x "$tests/../build/tests/comeback" ] || skip 'make test-programs'
    local how down all last
    for how in grown full; do
        for down in 0 300 1000; do
            read -r all _ last < <(returns 300 "$how" "$down")
            [ "$all" -eq 300 ]
            [ "$last" -lt 10 ]
        done
    done
}

# all_wait COUNT: at the broker.
all_wait() {
    [ "$(status_of agents 2>/dev/null)" = "$1" ]
}

# bats test_tags=slow
@test 'waiting agents come back to a broker that was killed, spread over the time' {
    local agents=${LOAD_AGENTS:-300}
    start_broker
    start_relay listen
    AGENTS=$agents start_play agents <<'END'
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    agents = list(pool.map(lambda _: poll("alice"), range(int(os.environ["AGENTS"]))))
at_point("waiting")
END
    await_point agents waiting
    all_wait "$agents"
    stop broker KILL || :
    start_broker
    wait_until 60 all_wait "$agents"
    "$scratch/bin/relayctl" -j -c "$scratch/relay.conf" agents >agents.json
    jq -r '.agents[].seconds' agents.json | sort -n | uniq -c | tee histogram
    [ "$(awk '$1 > most { most = $1 } END { print most }' histogram)" -le "$(most_a_second "$agents")" ]
    go_on waiting
    ended_well agents
}

@test 'an agent whose handler cannot tell the broker something comes back to it' {
    configure 'park_after = 0'
    # it takes in nothing more, but its end is nothing that poll(2) would tell of
    cat >deaf.py <<'SCRIPT'
import os, socket, struct, sys

VERSION = int(sys.argv[1])
REGISTER, WELCOME = 1, 2
broker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
broker.bind("broker.sock")
os.chmod("broker.sock", 0o666)
broker.listen(16)
print("start", flush=True)
there, handlers = [], 0
while handlers < 2:
    peer, _ = broker.accept()
    there.append(peer)
    if struct.unpack_from("=HH", peer.recv(65536))[1] != REGISTER:
        continue
    handlers += 1
    body = struct.pack("=IIII128s", handlers, 8, 1, 0, b"customer")
    peer.send(struct.pack("=HHI", VERSION, WELCOME, 8 + len(body)) + body)
    peer.shutdown(socket.SHUT_RD)
SCRIPT
    start deaf unprivileged env PATH=/usr/bin:/bin python3 "$scratch/deaf.py" "$(message_version)"
    await_start deaf says deaf '^start'
    start_relay listen
    start_play agent <<<'agent = poll("alice")
at_point("waiting")'
    await_point agent waiting
    ended_well deaf
    go_on waiting
    ended_well agent
}
