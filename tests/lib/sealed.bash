# Sealed sessions. To be loaded after helpers, clients and stones.
#
# shellcheck shell=bash disable=SC2034,SC2154

# a_sealing_agent MODE TARGET [LINE...]: named agent; its certificate is that of
# $agent_name (alice).
a_sealing_agent() {
    local mode=$1 target=$2
    shift 2
    start_agent agent "${agent_name:-alice}" "$target" "--seal $mode" "$@"
    await_start agent says agent ' waiting '
}

# a_sealing_stone MODE [LINE...]: named stone, on $stone_port; each of its
# connections is a session.
a_sealing_stone() {
    local mode=$1
    shift
    stone_port=$(free_port)
    start_relay_stone stone "-q seal=$mode" '--sessions 0' "$@" "$(to_relay "localhost:$stone_port")"
}

# both_say PATTERN: the last sessions of both ends were such.
both_say() {
    wait_until 60 last_session_says stone "$1" && wait_until 60 last_session_says agent "$1"
}

last_session_says() {
    [[ $(grep ' session ' "$scratch/$1.log" | tail -n 1) =~ \ seal=$2$ ]]
}

# start_lying_relay: it takes the place of this test's relay; see lying_relay.py.
start_lying_relay() {
    : >"$scratch/relay.log"
    lies ''
    start relay python3 -SB "$tests/lib/lying_relay.py" "$relay_port" "$scratch"
    await_start relay listening "$relay_port"
}

# lies WORD...: what it does from now on.
lies() {
    echo "$*" >"$scratch/lie"
}

# start_wire LEG PORT TO: what crosses from PORT to TO is written; see wire.py.
start_wire() {
    start "wire-$1" python3 -SB "$tests/lib/wire.py" "$2" "$3" "$scratch/$1"
    await_start "wire-$1" listening "$2"
}
