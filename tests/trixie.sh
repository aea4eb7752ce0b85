#!/bin/bash
# Whether the relay builds, and its demo passes, on Debian 13: in a system that
# debootstrap makes anew from the mirror that apt uses here. To be run as root.

set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C
. tests/lib/system.bash

# in_namespace SYSTEM
in_namespace() {
    make_system trixie "$1" ca-certificates,make
    mountpoint -q "$1/proc" || mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    copy_sources "$1/relay"
    inside "$1" make -s -C /relay -j "$(nproc)" demo
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

if [[ ${1-} == inside ]]; then
    in_namespace "$2"
    exit
fi
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
unshare --mount --pid --fork --mount-proc tests/trixie.sh inside "$folder/system" &
child=$!
wait "$child"
unset child
