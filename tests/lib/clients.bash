# What stands on either side of the relay: targets and agents, stones and their
# clients. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

# in_folder FOLDER COMMAND...: for start.
in_folder() {
    cd "$1" || return
    shift
    exec "$@"
}

# from_file FILE COMMAND...: for start, which leaves nothing to read.
from_file() {
    local file=$1
    shift
    exec "$@" <"$file"
}

# ---- traffic ----------------------------------------------------------------

# start_target NAME KIND [ARGUMENT...]: of traffic.py. $target is where it is.
start_target() {
    local name=$1 kind=$2 port
    shift 2
    take_port
    target=127.0.0.1:$port
    : >"$scratch/$name.log"
    start "$name" python3 -SB "$tests/lib/traffic.py" target "$kind" "$port" "$@"
    [ "$kind" != full ] || wait_until 60 says "$name" full
    await_start "$name" listening "$port"
}

# client KIND PORT [ARGUMENT...]: of traffic.py.
client() {
    timeout "${CLIENT_SECONDS:-100}" python3 -SB "$tests/lib/traffic.py" client "$@" 3>&-
}

# start_client NAME KIND PORT [ARGUMENT...]: in the background. Its result is
# that of await_end NAME.
start_client() {
    local name=$1
    shift
    : >"$scratch/$name.log"
    start "$name" python3 -SB "$tests/lib/traffic.py" client "$@"
}

# ended_whole NAME: awaits the end of such a client, and that all was right.
ended_whole() {
    await_end "$1" 60 || {
        cat "$scratch/$1.log"
        return 1
    }
}

# at NAME: when that client or target saw the end, in seconds since 1970.
at() {
    sed -n 's/.* at=\([0-9.]*\).*/\1/p' "$scratch/$1.log" | tail -n 1
}

# within SECONDS START END: whether a promise was kept, as a machine of this speed
# can.
within() {
    python3 -SB "$tests/lib/slowness.py" "$(seconds_between "$2" "$3")" "$1"
}

# not_before SECONDS START END
not_before() {
    [ "$(awk -v took="$(seconds_between "$2" "$3")" -v least="$1" 'BEGIN { print (took > least) }')" -eq 1 ]
}

seconds_between() {
    awk -v start="$1" -v end="$2" 'BEGIN { printf "%.3f", end - start }'
}

# ---- agents and stones ------------------------------------------------------

# An agent has more polls after it was busy. With this line it has always two,
# for tests that count them.
# shellcheck disable=SC2034
steady='-m 2:2'

# start_waiting_agent NAME CERTIFICATE TARGET [LINE...]: whose polls wait.
start_waiting_agent() {
    : >"$scratch/$1.log"
    start_agent "$@"
    await_start "$1" waits "$1" 2
}

# waits NAME TIMES: whether that agent said so often that a poll waits.
waits() {
    says_at_least "$1" "$2" ' waiting '
}

# fails_to_connect NAME REASON TIMES: whether it said so often why not.
fails_to_connect() {
    says_at_least "$1" "$3" " not-connected relay=[^ ]+ reason=$2 retry_ms=[0-9]+$"
}

# start_line NAME [LINE...]: all that the certificate NAME needs, from a stone
# on $stone_port to a target "whole" of the same name.
start_line() {
    local name=$1 port
    shift
    start_target "target-$name" whole "$name"
    start_waiting_agent "agent-$name" "$name" "$target" "$@"
    take_port
    stone_port=$port
    start_stone "stone-$name" "$name" "$stone_port"
}

stop_line() {
    stop "stone-$1" || :
    stop "agent-$1"
    stop "target-$1" || :
}

# all_of NAME: the processes of that agent.
all_of() {
    local children
    pid_of "$1"
    children_of "$(pid_of "$1")"
    [ ${#children[@]} -eq 0 ] || printf '%s\n' "${children[@]}"
}

# signal_all NAME SIGNAL: to all of them; none is left out that it starts
# meanwhile. The parent is the last, as its children end when it is gone; any of
# them may end on its own.
signal_all() {
    local parent pid
    parent=$(pid_of "$1")
    kill -STOP "$parent"
    for pid in $(all_of "$1"); do
        [ "$pid" -eq "$parent" ] || kill -"$2" "$pid" 2>/dev/null || :
    done
    kill -"$2" "$parent"
}

# handler_in_session ROLE: the handler, agent's or stone's, of the one session.
handler_in_session() {
    local children i line pid known=' ' log=$scratch/relay.log
    [ "$spawner" != xinetd ] || log=$SYSLOG_FILE
    count_handlers
    mapfile -t logged <"$log"
    # from the end: another process may have had this number before
    for ((i = ${#logged[@]} - 1; i >= 0; i--)); do
        line=${logged[i]}
        [[ $line =~ \[([0-9]+)\]:\  ]] || continue
        pid=${BASH_REMATCH[1]}
        [[ $known != *" $pid "* ]] || continue
        known+="$pid "
        if [[ " ${children[*]} " == *" $pid "* && $line =~ :\ (matched\ .*\ role=$1\ .*result=taken|bare\ .*\ role=$1\ ) ]]; then
            echo "$pid"
        fi
    done
}

# start_typing NAME CERTIFICATE: openssl s_client, for type_it. To close it,
# close fd 9.
start_typing() {
    mkfifo "$scratch/$1.in"
    : >"$scratch/$1.log"
    start "$1" from_file "$scratch/$1.in" stdbuf -oL openssl s_client \
        -connect "127.0.0.1:$relay_port" -CAfile "$scratch/ca.pem" -verify_return_error \
        -ign_eof -debug -cert "$scratch/$2/cert.pem" -key "$scratch/$2/private.pem"
    exec 9>"$scratch/$1.in"
    await_start "$1" says "$1" 'Verify return code: 0'
}

# type_it NAME TEXT: and see it leave in a TLS record of its own.
type_it() {
    local before
    before=$(records_of "$1")
    printf '%b' "$2" >&9
    wait_until 60 more_records_than "$1" "$before"
}

records_of() {
    count_lines "$1" 'write to 0x'
    echo "$counted"
}

more_records_than() {
    count_lines "$1" 'write to 0x'
    [ "$counted" -gt "$2" ]
}

# fetch CERTIFICATE PATH [OPTION...]: with curl from the relay, as a browser
# with that certificate would.
fetch() {
    local certificate=$1 path=$2
    shift 2
    timeout 60 curl -sS --cacert "$scratch/ca.pem" --cert "$scratch/$certificate/cert.pem" \
        --key "$scratch/$certificate/private.pem" "$@" \
        "https://127.0.0.1:$relay_port$path" 3>&-
}

# ---- names ------------------------------------------------------------------

# needs_own_names: skips the test where knows_names can't work.
needs_own_names() {
    own_names=(unshare -m)
    is_root || own_names=(unshare -rm)
    timeout 60 "${own_names[@]}" mount --bind /etc/hosts /etc/hosts ||
        skip 'needs a mount namespace'
    echo '127.0.0.1 localhost' >"$scratch/hosts"
    echo 'hosts: files' >"$scratch/nsswitch.conf"
}

# knows_names COMMAND...: for start. The command finds no name but those in
# $scratch/hosts.
knows_names() {
    # shellcheck disable=SC2016
    exec "${own_names[@]}" sh -c 'mount --bind "$1/hosts" /etc/hosts &&
        mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf && shift && exec "$@"' \
        sh "$scratch" "$@"
}
