# The library that every test file loads. It starts the real programs, waits on
# conditions, and ends what it started.
#
#   setup_file() { make_pki alice bob; }    once a file
#   setup()      { prepare; }
#   teardown()   { end_all; }               fails where anything is left alive
#
# A test has a folder of its own, $scratch, which the relay's unprivileged user
# owns. It holds copies of the programs, so that the command line of every
# process names it, and the log of each program as NAME.log:
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

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# BUILT: the programs of another build, as that with sanitizers, which takes far
# more address space.
built=${BUILT:-$tests/../build/bin}
relay_user=nobody
relay_group=nogroup

# needs_plain WHY: skips what programs with sanitizers cannot do.
needs_plain() {
    [ -z "${BUILT-}" ] || skip "with sanitizers: $1"
}

is_root() {
    [ "$(id -u)" -eq 0 ]
}

# unprivileged COMMAND...: runs it as the relay's user, where we may choose.
unprivileged() {
    if is_root; then
        exec setpriv --reuid="$relay_user" --regid="$relay_group" --clear-groups "$@"
    else
        exec "$@"
    fi
}

# ---- waiting ----------------------------------------------------------------

# wait_until SECONDS COMMAND...: until COMMAND succeeds. This loop is the only
# place where the tests wait by the clock.
wait_until() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@"; do
        if [ "${EPOCHREALTIME/./}" -gt "$end" ]; then
            echo "never happened: $*"
            return 1
        fi
        sleep 0.02
    done
}

# a_moment: the pace of somebody who types. Nothing may depend on it.
a_moment() {
    sleep 0.1
}

# not COMMAND...: for wait_until.
not() {
    ! "$@"
}

# ---- the folder, the certificates -------------------------------------------

# make_pki NAME...: a CA, the relay's certificate, and one for each NAME.
make_pki() {
    export pki=$BATS_FILE_TMPDIR/pki
    local name
    "$built/relay-ca" -d "$pki" init
    "$built/relay-ca" -d "$pki" server 127.0.0.1 localhost ::1
    for name; do
        "$built/relay-ca" -d "$pki" client "$name"
    done
} >/dev/null

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
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/vw.XXXXXX")
    mkdir "$scratch/bin"
    cp "$built"/relay* "$scratch/bin"
    cp -r "$pki"/client/. "$scratch"
    cp "$pki"/ca.pem "$pki"/crl.pem "$pki"/server/127.0.0.1/*.pem "$scratch"
    relay_port=$(free_port)
    # tells this test's clients from others' in a shared log
    client_address=127.$((RANDOM % 250 + 2)).$((RANDOM % 256)).$((RANDOM % 250 + 2))
    spawner=
    started=()
    configure "listen = 127.0.0.1:$relay_port" \
        'certificate = cert.pem' 'key = private.pem' 'ca = ca.pem' \
        'socket = broker.sock' "user = $relay_user" "group = $relay_group"
    chmod 755 "$scratch"
    give "$scratch"
    cd "$scratch" || return
}

# configure LINE...: more lines for relay.conf.
configure() {
    printf '%s\n' "$@" >>"$scratch/relay.conf"
}

# free_port: one that nobody listens on and no other test of this run gets; it
# is below those that the kernel gives to clients.
free_port() {
    local port
    for _ in {1..1000}; do
        port=$((RANDOM % 12000 + 20000))
        if ! listening "$port" && mkdir "$BATS_RUN_TMPDIR/port.$port" 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

# listening PORT: does anybody?
listening() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        grep -qE "$(printf '^ *[0-9]+: [0-9A-F]+:%04X [0-9A-F]+:0000 0A' "$1")"
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
    cat "$scratch/$1.pid"
}

# running NAME: whether it is still there; a zombie is not.
running() {
    [[ $(ps -o stat= -p "$(pid_of "$1")") == [!Z]* ]]
}

# await_end NAME [SECONDS]: until it has ended. Its status is ours.
await_end() {
    wait_until "${2:-20}" not running "$1" || return
    wait "$(pid_of "$1")"
}

# stop NAME [SIGNAL]: its status is ours.
stop() {
    kill -"${2:-TERM}" "$(pid_of "$1")"
    await_end "$1"
}

# says NAME PATTERN: whether its log has such a line.
says() {
    log_of "$1" | grep -E -- "$2" >/dev/null
}

# says_times NAME COUNT PATTERN: whether its log has so many such lines.
says_times() {
    [ "$(log_of "$1" | grep -c -E -- "$3")" -eq "$2" ]
}

# log_of NAME: what it logged. The relay under xinetd logs to the syslog.
log_of() {
    if [ "$1" = relay ] && [ "$spawner" = xinetd ]; then
        tail -n +"$((syslog_before + 1))" "$SYSLOG_FILE" |
            grep -F -e "$client_address:" -e "$scratch/" || :
    else
        cat "$scratch/$1.log"
    fi
}

start_broker() {
    : >"$scratch/broker.log"
    start broker "$scratch/bin/relay-broker" -c "$scratch/relay.conf"
    await_start broker says broker ' start '
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
        write_xinetd_conf "$@" >"$scratch/xinetd.conf"
        start relay unprivileged xinetd -dontfork -f "$scratch/xinetd.conf" \
            -pidfile "$scratch/xinetd.pid" -filelog "$scratch/xinetd.log"
        await_start relay listening "$relay_port"
    fi
}

# await_start NAME COMMAND...: until COMMAND succeeds; fails at once where the
# program ended before.
await_start() {
    wait_until 10 command_or_end "$@"
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
    sed -e "s,@libexecdir@,$scratch/bin,; s,@user@,$relay_user," \
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
    wait_until 10 listening "$3"
}

# ---- clients ----------------------------------------------------------------

# s_client CERTIFICATE [OPTION...]: types what is on stdin, and waits for the
# relay to end the connection. CERTIFICATE may be "" for none.
s_client() {
    local certificate=$1 options=()
    shift
    [ -z "$certificate" ] || options=(-cert "$scratch/$certificate/cert.pem"
        -key "$scratch/$certificate/private.pem")
    timeout 20 openssl s_client -connect "127.0.0.1:$relay_port" -bind "$client_address:0" \
        -CAfile "$scratch/ca.pem" -verify_return_error -ign_eof "${options[@]}" "$@" 2>&1 3>&-
}

# play: runs the script on stdin with peer.py.
play() {
    cat >"$scratch/play.py"
    play_command "$scratch/play.py" 3>&-
}

# start_play NAME: the same in the background; await_end NAME tells how it went.
start_play() {
    cat >"$scratch/$1.py"
    start "$1" play_command "$scratch/$1.py"
}

play_command() {
    local log=$scratch/relay.log
    [ "$spawner" != xinetd ] || log=$SYSLOG_FILE
    SCRATCH=$scratch RELAY_PORT=$relay_port CLIENT_ADDRESS=$client_address RELAY_LOG=$log \
        exec_or_fork python3 -B "$tests/peer.py" "$1"
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
    pgrep -a -f -- "$scratch"
}

# end_all: ends the programs, clients first; says and kills what will not end.
end_all() {
    local i name left=0
    [ -n "${scratch-}" ] || return 0
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        name=${started[i]}
        if running "$name"; then
            kill -CONT "$(pid_of "$name")"
            stop "$name" || :
        fi
    done
    wait_until 10 not survivors >/dev/null || left=1
    if grep -E 'ERROR: [A-Za-z]*Sanitizer|: runtime error: |^==[0-9]+== ' "$scratch"/*.log; then
        left=2
    fi
    if [ "$left" -eq 1 ]; then
        echo 'still alive:'
        survivors
        survivors | while read -r pid _; do kill -9 "$pid"; done
    fi
    if [ -z "${BATS_TEST_COMPLETED-}" ] || [ "$left" -ne 0 ]; then
        show_logs
    fi
    cd /
    rm -rf "$scratch" "$scratch.ca"
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

# broker_fds: its open descriptors; connections and pairs show here. None but
# root may look.
broker_fds() {
    local fds=("/proc/$(pid_of broker)/fd"/*)
    echo "${#fds[@]}"
}

# unix_sockets: those of this test's broker, both ends.
unix_sockets() {
    grep -c -F "$scratch/" /proc/net/unix || :
}

# handlers: the processes below the spawner, zombies too.
handlers() {
    pgrep -c -P "$(pid_of relay)" || :
}

count_all() {
    echo "handlers=$(handlers) broker-fds=$(broker_fds) unix-sockets=$(unix_sockets)"
}

# relay-listen has a connection to the broker, beside the broker's own socket.
spawner_is_attached() {
    [ "$(unix_sockets)" -ge 2 ]
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
    [ "${spawner-}" != listen ] || wait_until 10 spawner_is_attached
    baseline=$(count_all)
}

back_to_baseline() {
    [ "$(count_all)" = "$baseline" ]
}

# assert_back_to_baseline: handlers, zombies, the broker's descriptors and Unix
# sockets are as many as there were.
assert_back_to_baseline() {
    wait_until 10 back_to_baseline || {
        echo "baseline $baseline, now $(count_all)"
        return 1
    }
}
