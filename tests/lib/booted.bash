# For what runs in a system that systemd has started, as root of that alone.
#
# shellcheck shell=bash

lib=${BASH_SOURCE%/*}
work=/run/packages-test
mkdir -p "$work"

say() {
    echo "packages: $*"
}

failed() {
    echo "packages: FAIL: line $1: $2"
    systemctl --no-pager --failed
    journalctl --no-pager -n 60 -o short-monotonic
    exit 1
}
trap 'failed $LINENO "$BASH_COMMAND"' ERR

# await COMMAND...: until it succeeds, for a minute.
await() {
    local end=$((SECONDS + 60))
    until "$@"; do
        ((SECONDS < end)) || return
        sleep 0.1
    done
}

# main_pid UNIT
main_pid() {
    systemctl show -P MainPID "$1"
}

# active UNIT...: all of them; systemctl itself is content with one.
active() {
    local unit
    for unit; do
        systemctl is-active --quiet "$unit" || return
    done
}

# sessions PORT COUNT AT_ONCE: random sizes, each with its SHA-256.
sessions() {
    python3 -SB "$lib/traffic.py" client sessions "$1" intra "$2" "$3" || failed "${BASH_LINENO[0]}" "sessions $*"
}

# polls: whether agents wait at the relay.
polls() {
    [[ $(relayctl agents 2>/dev/null | wc -l) -gt 1 ]]
}
