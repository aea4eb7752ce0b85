#!/bin/bash
# Whether the relay builds, and its demo passes, on Debian 13: in a system that
# debootstrap makes anew from the mirror that apt uses here. To be run as root.
#
# All that is mounted and started there has a namespace of its own and vanishes
# with it, and the folder after that.

set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C

# mirror: prints the first from which apt has what is Debian's own.
# shellcheck disable=SC2016 # it is apt's variable
mirror() {
    apt-get update -qq
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
        sed -n 1p
}

# inside SYSTEM: in the namespace.
inside() {
    local system=$1 proxy
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z ${proxy:-} ]] || export http_proxy=$proxy
    debootstrap --variant=minbase --include=ca-certificates,make trixie \
        "$system" "$(mirror)" >"$system.log" 2>&1 || {
        tail -n 20 "$system.log"
        return 1
    }
    mountpoint -q "$system/proc" || mount -t proc proc "$system/proc"
    mount --rbind /dev "$system/dev"
    cp /etc/hosts "$system/etc"
    # it will not be there after a power failure anyway
    echo force-unsafe-io >"$system/etc/dpkg/dpkg.cfg.d/fast"
    mkdir "$system/relay"
    tar -c --exclude=./build --exclude=./.git . | tar -x -C "$system/relay"
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root ${http_proxy:+"http_proxy=$http_proxy"} \
        chroot "$system" make -s -C /relay -j "$(nproc)" demo
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
    inside "$2"
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
unshare --mount --pid --fork --mount-proc tests/trixie.sh inside "$folder/system" &
child=$!
wait "$child"
unset child
