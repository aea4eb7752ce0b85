# What the tests of relay-handoff share.
#
# shellcheck shell=bash disable=SC2034,SC2154

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    sed -i '/^listen/d' relay.conf
    configure 'handoff = handoff.sock'
}

teardown() {
    end_all
}

# start_forker [OPTION...]: relay-listen, which listens for what is handed over alone.
# shellcheck disable=SC2120 # handoff.bats has options
start_forker() {
    : >forker.log
    start forker "$scratch/bin/relay-listen" -c "$scratch/relay.conf" "$@"
    await_start forker says forker ' start '
}

# with_xinetd: the entry that is installed.
with_xinetd() {
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    start_broker
    start_relay xinetd
}

with_both() {
    with_xinetd
    # shellcheck disable=SC2119
    start_forker
    wait_until 60 forker_is_known
}

forker_is_known() {
    [ "$(status_of spawners)" -eq 1 ]
}

# below NAME: the names of the processes that it started.
below() {
    local pid children stat comm all=()
    local -A count=()
    pid=$(pid_of "$1")
    children_of "$pid"
    for pid in "${children[@]}"; do
        { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
        comm=${stat#*(}
        comm=${comm%)*}
        [[ ${stat##*) } != Z* ]] || comm+=' <defunct>'
        count[$comm]=$((${count[$comm]-0} + 1))
    done
    for comm in "${!count[@]}"; do
        all+=("${count[$comm]} $comm")
    done
    echo "${all[*]}"
}

# are_below NAME TEXT: whether these are all.
are_below() {
    [ "$(below "$1")" = "$2" ]
}

forker_fds() {
    local fds=("/proc/$(pid_of forker)/fd"/*)
    echo "${#fds[@]}"
}

forker_has_fds() {
    [ "$(forker_fds)" -eq "$1" ]
}

works() {
    play <<<'works("alice")'
}
