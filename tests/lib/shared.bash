# Sessions that are shared by many connections: relay-stone with --sessions. To
# be loaded after helpers, clients and stones.
#
# shellcheck shell=bash disable=SC2034,SC2154

# start_shared NAME SESSIONS [WORD...]: a relay-stone on $stone_port with so many
# sessions, of which all are ready. WORD: further ones of the forward.
start_shared() {
    local name=$1 sessions=$2 port
    shift 2
    take_port
    stone_port=$port
    start_relay_stone "$name" "--sessions $sessions" "$(to_relay "localhost:$stone_port" "$@")"
    wait_until 60 sessions_are "$sessions"
}

# sessions_are COUNT: so many sessions live at the relay.
sessions_are() {
    [ "$(status_of sessions)" -eq "$1" ]
}

# start_streams NAME [KIND]: a target of streams.py. $target is where it is.
start_streams() {
    local port
    take_port
    target=127.0.0.1:$port
    : >"$scratch/$1.log"
    start "$1" python3 -SB "$tests/lib/streams.py" "${2:-target}" "$port"
    await_start "$1" listening "$port"
}

# start_holding NAME COUNT: so many connections that are open and idle, until
# end_holding NAME.
start_holding() {
    mkfifo "$scratch/$1.in"
    : >"$scratch/$1.log"
    start "$1" from_file "$scratch/$1.in" python3 -SB "$tests/lib/streams.py" hold "$stone_port" "$2"
    exec 9>"$scratch/$1.in"
    wait_until 300 command_or_end "$1" says "$1" held
    says "$1" held
}

# answers_with PORT BYTES: whether a connection comes back with BYTES, in
# capitals.
answers_with() {
    [ "$(speak "$1" "$2")" = "got=b'${2^^}' ended=clean" ]
}

end_holding() {
    echo >&9
    exec 9>&-
    await_end "$1"
}
