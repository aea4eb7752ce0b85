#!/bin/bash
# Whether the relay is built, and its demo or its tests pass, on Debian 13: in a
# system that debootstrap makes anew from the mirror that apt uses here. To be run
# as root.
#
#   GOAL            what to make there: demo unless told, or test
#   FILES, FILTER   which tests, as of "make test"
#   TREE            a folder where the system stays, for the next time

set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C
. tests/lib/system.bash
goal=${GOAL:-demo}

# in_namespace SYSTEM: what is to be installed has the host's network.
in_namespace() {
    local deps=run
    [[ $goal == demo ]] || deps='test'
    [[ -e $1/relay ]] || make_system trixie "$1" ca-certificates,make
    mountpoint -q "$1/proc" || mount -t proc proc "$1/proc"
    own_dev "$1"
    mount -t tmpfs -o mode=755 tmpfs "$1/run"
    renew_sources "$1/relay"
    inside "$1" make -s -C /relay "deps-$deps"
    unshare --net tests/trixie.sh apart "$1"
}

# renew_sources FOLDER: but what was built of them.
renew_sources() {
    [[ ! -e $1 ]] || find "$1" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
    copy_sources "$1"
}

# with_own_network SYSTEM
with_own_network() {
    ip link set lo up
    mount -t sysfs sysfs "$1/sys"
    inside "$1" make -s -C /relay -j "$(nproc)" "$goal" "FILES=${FILES-}" "FILTER=${FILTER-}"
}

# clean_up: what is in the namespace ends with its first process.
clean_up() {
    trap '' HUP INT TERM
    if [[ -n ${child:-} ]]; then
        pkill -KILL -P "$child" || true
        wait "$child" || true
    fi
    rm -rf "$folder"
}

case ${1-} in
    inside)
        in_namespace "$2"
        exit
        ;;
    apart)
        with_own_network "$2"
        exit
        ;;
esac
[[ $(id -u) == 0 ]] || {
    echo "$0: must be run as root" >&2
    exit 77
}
folder=$(mktemp -d)
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
apt-get update -qq
unshare --mount --pid --fork --mount-proc tests/trixie.sh inside "${TREE:-$folder/system}" &
child=$!
wait "$child"
unset child
