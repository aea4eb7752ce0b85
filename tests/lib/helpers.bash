# The library that every test file loads. It starts the real programs, waits on
# conditions, and ends what it started.
#
#   setup_file() { make_pki alice bob; }    once a file
#   setup()      { prepare; }               these two unless the file has others
#   teardown()   { end_all; }               fails where anything is left alive
#
# A process is dear on some machines: what is done often is done by the shell
# itself, without a fork.
#
# A test has a folder of its own, $scratch, which the relay's unprivileged user
# owns. It holds the programs, so that the command line of every process names
# it, and the log of each program as NAME.log:
#
#   bin/                          the programs
#   cert.pem private.pem ca.pem   the relay's
#   NAME/cert.pem, private.pem    a client's
#   relay.conf                    "configure LINE..." adds to it
#
# As root the relay runs as nobody, as it would in production; as anybody else
# it runs as that user.
#
# shellcheck shell=bash

bats_require_minimum_version 1.5.0
export LC_ALL=C

cd "${BASH_SOURCE[0]%/*}/.." || exit
tests=$PWD
cd "$OLDPWD" || exit
# BUILT: the programs of another build, as that with sanitizers, which takes far
# more address space.
built=${BUILT:-$tests/../build/bin}
relay_user=nobody
relay_group=nogroup
handler_user=games
keyd_user=daemon

setup() {
    prepare
}

teardown() {
    end_all
}

# needs_plain WHY: skips what programs with sanitizers cannot do.
needs_plain() {
    [ -z "${BUILT-}" ] || skip "with sanitizers: $1"
}

is_root() {
    [ "$EUID" -eq 0 ]
}

# unprivileged COMMAND...: runs it as the relay's user, where we may choose.
unprivileged() {
    if is_root; then
        exec setpriv --reuid="$relay_user" --regid="$relay_group" --clear-groups "$@"
    else
        exec "$@"
    fi
}

# often N: how often something is tried: a tenth of that, unless in earnest ("make
# soak").
often() {
    echo $((${SOAK:-0} ? $1 : $1 / 10))
}

# most_a_second AGENTS: of so many, that may come back in any one second.
most_a_second() {
    echo $(($1 < 1000 ? 100 : $1 / 10))
}

# ---- waiting ----------------------------------------------------------------

# a fifo that nothing is ever written to
never=$BATS_RUN_TMPDIR/never
[ -p "$never" ] || mkfifo "$never" 2>/dev/null || [ -p "$never" ]

# pause SECONDS: sleeps, without a process.
pause() {
    read -rt "$1" <>"$never" || :
}

# wait_until SECONDS COMMAND...: until COMMAND succeeds; a minute at least, as
# the machine may be slow. A promise is measured (see within), not waited for.
# This loop is the only place where the tests wait by the clock. Most of what is
# waited for is there in a few milliseconds.
wait_until() {
    local - seconds=$(($1 < 60 ? 60 : $1)) pauses=(0.002 0.004 0.008) next=0
    local end=$((${EPOCHREALTIME/./} + seconds * 1000000))
    set +T # the tries are not worth a trace: see trace_the_test
    shift
    until "$@"; do
        if [ "${EPOCHREALTIME/./}" -gt "$end" ]; then
            echo "never happened: $*"
            return 1
        fi
        pause "${pauses[next++]-0.02}"
    done
}

# slowness: how many times slower than an ordinary machine this is, a whole
# number: for what a test has to do before a deadline.
slowness() {
    python3 -SB "$tests/lib/slowness.py"
}

# a_moment: the pace of somebody who types. Nothing may depend on it.
a_moment() {
    pause 0.1
}

# not COMMAND...: for wait_until.
not() {
    ! "$@"
}

# ---- the folder, the certificates -------------------------------------------

# make_pki NAME...: a CA, the relay's certificate, and one for each NAME. The
# run has one CA, which grows by the names that a file asks for; the file gets
# its own copy, to change as it likes.
make_pki() {
    export pki=$BATS_FILE_TMPDIR/pki
    local shared=$BATS_RUN_TMPDIR/pki name
    (
        flock 9
        if [ ! -d "$shared" ]; then
            "$built/relay-ca" -d "$shared.new" init &&
                "$built/relay-ca" -d "$shared.new" server 127.0.0.1 localhost ::1 &&
                mv "$shared.new" "$shared" || exit
        fi
        for name; do
            [ -d "$shared/client/$name" ] || "$built/relay-ca" -d "$shared" client "$name" || exit
        done
        cp -r "$shared" "$pki"
    ) 9>"$shared.lock" || return
    keep_clients "$@"
} >/dev/null

# keep_clients NAME...: the keys of no others.
keep_clients() {
    local folder others=()
    for folder in "$pki"/client/*; do
        [[ " $* " == *" ${folder##*/} "* ]] || others+=("$folder")
    done
    [ ${#others[@]} -eq 0 ] || rm -r "${others[@]}"
}

# revoke NAME: in a copy of the CA; the list becomes $scratch/crl.pem.
revoke() {
    [ -d "$scratch.ca" ] || cp -r "$pki" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" revoke "$1" >/dev/null
    install_crl "$scratch.ca"
}

# install_crl CA_DIRECTORY
install_crl() {
    cp "$1/crl.pem" "$scratch/crl.pem"
    give "$scratch/crl.pem"
}

# give FILE...: to the relay's user.
give() {
    if is_root; then
        chown -R "$relay_user:$relay_group" "$@"
    fi
}

prepare() {
    trace_the_test
    local template=$BATS_FILE_TMPDIR/template
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/vw.XXXXXX")
    [ -d "$template" ] || make_template "$template"
    cp -a "$template/." "$scratch"
    # links: nobody changes a program, and there are many tests
    cp -al "$template.bin" "$scratch/bin"
    take_port
    relay_port=$port
    # tells this test's clients from others' in a shared log
    client_address=127.$((RANDOM % 250 + 2)).$((RANDOM % 256)).$((RANDOM % 250 + 2))
    spawner=
    started=()
    configure "listen = 127.0.0.1:$relay_port" \
        'certificate = cert.pem' 'key = private.pem' 'ca = ca.pem' \
        'socket = broker.sock' "user = $relay_user" "group = $relay_group" \
        "handler_user = $handler_user"
    cd "$scratch" || return
}

# trace_the_test: bats notes each command, for its report of a failure, which
# takes as long as a process would. The commands of these libraries it need not
# know: the line of the test that called them is enough.
trace_the_test() {
    # shellcheck disable=SC2064
    ! declare -F bats_debug_trap >/dev/null ||
        trap '[[ $BASH_SOURCE == *.bash ]] || bats_debug_trap "$BASH_SOURCE"' DEBUG
}

# make_template FOLDER: what each test's folder begins with, and its programs in
# FOLDER.bin.
make_template() {
    mkdir -p "$1" "$1.bin"
    cp "$built"/relay* "$1.bin"
    cp -r "$pki"/client/. "$1"
    cp "$pki"/ca.pem "$pki"/crl.pem "$pki"/server/127.0.0.1/*.pem "$1"
    : >"$1/relay.conf"
    chmod 755 "$1"
    give "$1" "$1.bin"
}

# configure LINE...: more lines for relay.conf.
configure() {
    printf '%s\n' "$@" >>"$scratch/relay.conf"
}

# free_port: one that nobody listens on and no other test of this run gets; it
# is below those that the kernel gives to clients.
free_port() {
    take_port && echo "$port"
}

# take_port: the same, as $port.
take_port() {
    local -
    for _ in {1..1000}; do
        port=$((RANDOM % 12000 + 20000))
        if ! listening "$port" && { set -C && : >"$BATS_RUN_TMPDIR/port.$port"; } 2>/dev/null; then
            return
        fi
    done
    return 1
}

# listening PORT: does anybody?
listening() {
    local place sockets
    printf -v place ':%04X [0-9A-F]+:0000 0A' "$1"
    sockets=$(</proc/net/tcp)
    [ ! -e /proc/net/tcp6 ] || sockets+=$(</proc/net/tcp6)
    [[ $sockets =~ $place ]]
}

# ---- programs ---------------------------------------------------------------

# start NAME COMMAND...: in the background, its output in NAME.log.
start() {
    local name=$1
    shift
    "$@" >>"$scratch/$name.log" 2>&1 </dev/null 3>&- &
    echo $! >"$scratch/$name.pid"
    started+=("$name")
}

pid_of() {
    local pid
    read_pid "$1" && echo "$pid"
}

# read_pid NAME: the same, as $pid.
read_pid() {
    read -r pid <"$scratch/$1.pid"
}

# running NAME: whether it is still there; a zombie is not.
running() {
    local pid stat
    # in the trap that a skip ends in, a bare return is that of before the trap
    { read_pid "$1" && read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
    [[ ${stat##*) } == [!ZX]* ]]
}

# children_of PID: they become $children, zombies too.
children_of() {
    if [ -r "/proc/$1/task/$1/children" ]; then
        { read -ra children <"/proc/$1/task/$1/children"; } 2>/dev/null || :
    else
        mapfile -t children < <(pgrep -P "$1")
    fi
}

# await_end NAME [SECONDS]: until it has ended. Its status is ours.
await_end() {
    local pid
    wait_until "${2:-60}" not running "$1" || return
    read_pid "$1" && wait "$pid"
}

# stop NAME [SIGNAL]: its status is ours.
stop() {
    local pid
    read_pid "$1"
    kill -"${2:-TERM}" "$pid"
    await_end "$1"
}

# says NAME PATTERN: whether its log has such a line.
says() {
    count_lines "$@"
    [ "$counted" -gt 0 ]
}

# says_times NAME COUNT PATTERN: whether its log has so many such lines.
says_times() {
    count_lines "$1" "$3"
    [ "$counted" -eq "$2" ]
}

# says_at_least NAME COUNT PATTERN
says_at_least() {
    count_lines "$1" "$3"
    [ "$counted" -ge "$2" ]
}

# count_lines NAME PATTERN: how many such lines its log has, as $counted.
count_lines() {
    local line
    counted=0
    read_log "$1"
    # grep is a process, but faster line by line
    if [ ${#logged[@]} -gt 500 ]; then
        counted=$(printf '%s\n' "${logged[@]}" | grep -cE -- "$2") || :
        return 0
    fi
    for line in "${logged[@]}"; do
        [[ ! $line =~ $2 ]] || counted=$((counted + 1))
    done
}

# read_log NAME: what it logged, as $logged, a line each. The relay under xinetd
# logs to the syslog, where others do, too.
read_log() {
    local line all
    logged=()
    if [ "$1" != relay ] || [ "$spawner" != xinetd ]; then
        # none yet, where the program has just been started
        [ ! -e "$scratch/$1.log" ] || mapfile -t logged <"$scratch/$1.log"
        return
    fi
    mapfile -t -s "$syslog_before" all <"$SYSLOG_FILE"
    for line in "${all[@]}"; do
        if [[ $line == *"$client_address:"* || $line == *"$scratch/"* ]]; then
            logged+=("$line")
        fi
    done
}

# log_of NAME: what it logged.
log_of() {
    read_log "$1"
    [ ${#logged[@]} -eq 0 ] || printf '%s\n' "${logged[@]}"
}

start_broker() {
    : >"$scratch/broker.log"
    start broker "$scratch/bin/relay-broker" -c "$scratch/relay.conf"
    await_start broker says broker ' start '
}

# start_keyd: relay-keyd, before the relay, which has no key then. As root the
# key gets an owner of its own.
start_keyd() {
    : >"$scratch/keyd.log"
    mkdir -p "$scratch/keyd"
    if is_root; then
        chown "$keyd_user" "$scratch/private.pem" "$scratch/keyd"
    fi
    grep -q '^keyd = ' "$scratch/relay.conf" ||
        configure 'keyd = keyd/keyd.sock' "keyd_user = $keyd_user"
    start keyd "$scratch/bin/relay-keyd" -c "$scratch/relay.conf"
    await_start keyd says keyd ' start '
}

# start_relay listen|xinetd [OPTION...]
start_relay() {
    spawner=$1
    shift
    if [ "$spawner" = listen ]; then
        : >"$scratch/relay.log"
        start relay "$scratch/bin/relay-listen" -c "$scratch/relay.conf" "$@"
        await_start relay says relay ' start '
    else
        syslog_before=$(wc -l <"$SYSLOG_FILE")
        # the entry has the port; without relay-listen a reload misses none
        sed -i "/^listen = .*:$relay_port\$/d" "$scratch/relay.conf"
        write_xinetd_conf "$@" >"$scratch/xinetd.conf"
        start relay unprivileged xinetd -dontfork -f "$scratch/xinetd.conf" \
            -pidfile "$scratch/xinetd.pid" -filelog "$scratch/xinetd.log"
        await_start relay listening "$relay_port"
    fi
}

# await_start NAME COMMAND...: until COMMAND succeeds; fails at once where the
# program ended before.
await_start() {
    wait_until 60 command_or_end "$@"
    shift
    "$@"
}

command_or_end() {
    local name=$1
    shift
    "$@" || ! running "$name"
}

# write_xinetd_conf [OPTION...]: the drop-in that is installed, with the paths,
# the user and the port of this test, and $entry_edit, for sed.
write_xinetd_conf() {
    sed -e "s,@libexecdir@,$scratch/bin,; s,@user@,$relay_group," \
        -e "s,@handler_user@,$relay_user," \
        -e "s,@sysconfdir@/vpn-warp/relay.conf,$scratch/relay.conf $*," \
        -e "/^[[:space:]]*port/s/443/$relay_port/; /disable/s/yes/no/" \
        -e "${entry_edit-}" ${BUILT:+-e /rlimit_as/d} \
        "$tests/../xinetd.d/vpn-warp-relay"
}

# through_each_spawner COMMAND...: with a relay that relay-listen spawns, and
# with one that xinetd does.
through_each_spawner() {
    start_broker
    echo '# through relay-listen'
    start_relay listen
    "$@"
    stop relay
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    echo '# through xinetd'
    : >"$scratch/broker.log"
    start_relay xinetd
    "$@"
    stop relay || :
}

# start_agent NAME CERTIFICATE TARGET [LINE...]: a relayagent with these lines
# in its file, which forwards to TARGET.
start_agent() {
    local name=$1 certificate=$2 target=$3
    shift 3
    printf '%s\n' -n "$@" "-k $scratch/$certificate/private.pem" \
        "-c $scratch/$certificate/cert.pem" "-a $scratch/ca.pem" \
        "127.0.0.1:$relay_port" "$target" >"$scratch/$name.conf"
    start "$name" "$scratch/bin/relayagent" -C "$scratch/$name.conf"
}

# start_stone NAME CERTIFICATE PORT: Debian's stone, set up as in its article.
start_stone() {
    printf '%s\n' "-q key=$scratch/$2/private.pem" "-q cert=$scratch/$2/cert.pem" \
        "127.0.0.1:$relay_port/ssl,http localhost:$3 \"GET / HTTP/1.1\" --" \
        >"$scratch/$1.conf"
    start "$1" stone -r -C "$scratch/$1.conf"
    wait_until 60 listening "$3"
}

# ---- clients ----------------------------------------------------------------

# s_client CERTIFICATE [OPTION...]: types what is on stdin, and waits for the
# relay to end the connection. CERTIFICATE may be "" for none.
s_client() {
    local certificate=$1 options=()
    shift
    [ -z "$certificate" ] || options=(-cert "$scratch/$certificate/cert.pem"
        -key "$scratch/$certificate/private.pem")
    timeout 60 openssl s_client -connect "127.0.0.1:$relay_port" -bind "$client_address:0" \
        -CAfile "$scratch/ca.pem" -verify_return_error -ign_eof "${options[@]}" "$@" 2>&1 3>&-
}

# play: runs the script on stdin with peer.py.
play() {
    take_script "$scratch/play.py"
    play_command "$scratch/play.py" 3>&-
}

# start_play NAME: the same in the background; await_end NAME tells how it went.
start_play() {
    take_script "$scratch/$1.py"
    start "$1" play_command "$scratch/$1.py"
}

# take_script FILE: from stdin.
take_script() {
    local script
    script=$(</dev/stdin)
    printf '%s\n' "$script" >"$1"
}

play_command() {
    local log=$scratch/relay.log
    [ "$spawner" != xinetd ] || log=$SYSLOG_FILE
    SCRATCH=$scratch RELAY_PORT=$relay_port CLIENT_ADDRESS=$client_address RELAY_LOG=$log \
        exec_or_fork python3 -SB "$tests/lib/peer.py" "$1"
}

# exec_or_fork COMMAND...: exec where we are a background job, so that its pid
# is the program's.
exec_or_fork() {
    if [ "$BASHPID" = "$$" ]; then "$@"; else exec "$@"; fi
}

# await_point NAME POINT: until the script in the background has got there.
await_point() {
    wait_until 60 command_or_end "$1" [ -e "$scratch/$2.reached" ]
    [ -e "$scratch/$2.reached" ]
}

# go_on POINT: the script may.
go_on() {
    : >"$scratch/$1.passed"
}

# ended_well NAME: awaits the end of a script in the background, and that
# nothing went wrong in it.
ended_well() {
    await_end "$1" 60 || {
        cat "$scratch/$1.log"
        return 1
    }
}

# ---- what is left -----------------------------------------------------------

# survivors: the processes whose command line names this test's folder.
survivors() {
    local file words found=1
    for file in /proc/[0-9]*/cmdline; do
        words=()
        mapfile -d '' -t words 2>/dev/null <"$file" || continue
        if [[ "${words[*]}" == *"$scratch"* ]]; then
            file=${file%/cmdline}
            echo "${file#/proc/} ${words[*]}"
            found=0
        fi
    done 2>/dev/null
    return "$found"
}

# end_all: ends the programs, clients first; says and kills what will not end.
end_all() {
    local i name pid left=0
    [ -n "${scratch-}" ] || return 0
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        name=${started[i]}
        if running "$name"; then
            read_pid "$name"
            kill -CONT "$pid"
            stop "$name" || :
        fi
    done
    wait_until 60 not survivors >/dev/null || left=1
    # what only the programs of another build say
    if [ -n "${BUILT-}" ] && grep -E 'ERROR: [A-Za-z]*Sanitizer|: runtime error: |^==[0-9]+== ' "$scratch"/*.log; then
        left=2
    fi
    if [ "$left" -eq 1 ]; then
        echo 'still alive:'
        survivors
        survivors | while read -r each _; do kill -9 "$each"; done
    fi
    if [ -z "${BATS_TEST_COMPLETED-}" ] || [ "$left" -ne 0 ]; then
        show_logs
    fi
    cd /
    rm -rf "$scratch" "$scratch".*
    return "$left"
}

# show_logs: for who reads of a failure.
show_logs() {
    local file
    for file in "$scratch"/*.log; do
        [ ! -s "$file" ] || tail -n 40 "$file" | sed "s,^,${file##*/}: ,"
    done
    if [ "$spawner" = xinetd ] && [ -n "$SYSLOG_FILE" ]; then
        log_of relay | tail -n 40 | sed 's,^,syslog: ,'
    fi
}

# status_of FIELD: what the broker says of itself; see relayctl(8).
status_of() {
    local json
    json=$("$scratch/bin/relayctl" -c "$scratch/relay.conf" --json status 3>&-) || return
    [[ $json =~ \"$1\":\ *\"?([^,\"}]*) ]] && echo "${BASH_REMATCH[1]}"
}

# broker_fds: its open descriptors; connections and pairs show here. None but
# root may look.
broker_fds() {
    count_broker_fds
    echo "$fds"
}

count_broker_fds() {
    local pid all
    read_pid broker
    all=("/proc/$pid/fd"/*)
    fds=${#all[@]}
}

# message_version: of what handlers and the broker say to each other.
message_version() {
    sed -n 's/^#define MESSAGE_VERSION *//p' "$tests/../broker/ipc/message.h"
}

# unix_sockets: those of this test's broker, both ends.
unix_sockets() {
    count_unix_sockets
    echo "$sockets_there"
}

count_unix_sockets() {
    local all line
    mapfile -t all </proc/net/unix
    sockets_there=0
    for line in "${all[@]}"; do
        # those at which an agent or a stone tells its status are no handler's
        [[ $line != *"$scratch/"* || $line == *.status ]] || sockets_there=$((sockets_there + 1))
    done
}

# handlers: the processes below the spawner, zombies too.
handlers() {
    count_handlers
    echo "${#children[@]}"
}

count_handlers() {
    local pid
    read_pid relay
    children_of "$pid"
}

# count_all: all three, as $counts_now.
count_all() {
    local fds sockets_there children
    count_handlers
    count_broker_fds
    count_unix_sockets
    counts_now="handlers=${#children[@]} broker-fds=$fds unix-sockets=$sockets_there"
}

# relay-listen has a connection to the broker, beside the broker's own socket,
# which the broker has accepted: before that the socket's inode number is 0.
spawner_is_attached() {
    local all
    all=$(</proc/net/unix)
    count_unix_sockets
    [ "$sockets_there" -ge 2 ] && [[ $all != *" 0 $scratch/"* ]]
}

# with_relay [LINE...]: a relay with these lines in relay.conf, of relay-listen.
with_relay() {
    [ $# -eq 0 ] || configure "$@"
    start_broker
    start_relay listen
    take_baseline
}

# take_baseline: what there is when nothing is going on.
take_baseline() {
    [ "${spawner-}" != listen ] || wait_until 60 spawner_is_attached
    count_all
    baseline=$counts_now
}

back_to_baseline() {
    count_all
    [ "$counts_now" = "$baseline" ]
}

# assert_back_to_baseline: handlers, zombies, the broker's descriptors and Unix
# sockets are as many as there were.
assert_back_to_baseline() {
    wait_until 60 back_to_baseline || {
        echo "baseline $baseline, now $counts_now"
        return 1
    }
}
