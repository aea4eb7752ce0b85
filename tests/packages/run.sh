#!/bin/bash
# Whether the Debian packages build, install, run, are upgraded and go away again:
# in a system of their own, whose first process is systemd, so that their units
# start for real. To be run as root.
#
#   SUITE=bookworm|trixie   which Debian
#   SESSIONS=200            how many go through the relay while it starts again

set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C
. tests/lib/system.bash

suite=${SUITE:-bookworm}
sessions=${SESSIONS:-200}
version=$(sed -n 's/^VERSION = //p' Makefile)
# beside what it takes to build: lintian, what the packages' own test needs, and
# what is looked at below
tools=(build-essential lintian stone curl busybox procps python3)

skip() {
    echo "packages: skipped: $1"
    exit 77
}

say() {
    echo "packages: $*"
}

# ---- in a namespace: the system, and the packages in it -----------------------

# build_packages SYSTEM FOLDER: into that folder of the system.
build_packages() {
    cp -r "$1/relay" "$1$2/vpn-warp-$version"
    inside "$1" sh -ec "cd $2/vpn-warp-$version && dpkg-buildpackage -b -us -uc -j$(nproc)" \
        >"$1$2.log" 2>&1 || {
        tail -n 40 "$1$2.log"
        return 1
    }
}

# upgraded SYSTEM: the packages once more, of a later version.
upgraded() {
    local file name
    mkdir "$1/next"
    for file in "$1"/debs/*.deb; do
        name=${file##*/}
        [[ $name != *-dbgsym* ]] || continue
        dpkg-deb -R "$file" "$1/next/tree"
        sed -i "s/^Version: .*/&+next/" "$1/next/tree/DEBIAN/control"
        dpkg-deb -b "$1/next/tree" "$1/next/$name" >/dev/null
        rm -r "$1/next/tree"
    done
}

prepare() {
    local system=$1 file
    make_system "$suite" "$system" ca-certificates,make,systemd,systemd-sysv,dbus
    mountpoint -q "$system/proc" || mount -t proc proc "$system/proc"
    mount --rbind /dev "$system/dev"
    say "built on $suite"
    mkdir -p "$system/debs" "$system/again/elsewhere"
    copy_sources "$system/relay"
    cp -r .debian "$system/relay/debian"
    inside "$system" sh -ec "apt-get update -q
        apt-get install -q -y --no-install-recommends ${tools[*]}
        apt-get build-dep -q -y --no-install-recommends /relay" >"$system/deps.log" 2>&1 || {
        tail -n 20 "$system/deps.log"
        return 1
    }
    build_packages "$system" /debs
    say 'another build in another folder has the same bytes'
    build_packages "$system" /again/elsewhere
    for file in "$system"/debs/*.deb; do
        cmp "$file" "$system/again/elsewhere/${file##*/}"
    done
    say 'lintian finds nothing'
    inside "$system" sh -c 'lintian --allow-root --pedantic --fail-on error,warning,pedantic /debs/*.changes'
    upgraded "$system"
    say 'they install, and start nothing'
    inside "$system" sh -c 'apt-get install -q -y --no-install-recommends /debs/vpn-warp-relay_*.deb /debs/vpn-warp-agent_*.deb /debs/vpn-warp-stone_*.deb' \
        >"$system/install.log" 2>&1 || {
        tail -n 20 "$system/install.log"
        return 1
    }
    say 'their own test passes with the programs that are installed'
    mkdir "$system/autopkgtest"
    inside "$system" sh -ec 'cd /relay && AUTOPKGTEST_TMP=/autopkgtest debian/tests/demo'
}

# ---- in more namespaces: the system, booted -----------------------------------

# boot SYSTEM: becomes its first process. It has a /dev of its own, and no say in
# the host's settings.
boot() {
    local system=$1 node minor
    rm -f "$system/usr/sbin/policy-rc.d" # of debootstrap: start nothing
    mount --make-rprivate /
    mount --bind "$system" "$system"
    mount -t proc proc "$system/proc"
    mount --bind "$system/proc/sys" "$system/proc/sys"
    mount -o remount,ro,bind "$system/proc/sys"
    mount -t sysfs -o ro sysfs "$system/sys"
    mount -t cgroup2 cgroup2 "$system/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$system/run"
    mount -t tmpfs -o mode=755 tmpfs "$system/dev"
    for node in null:3 zero:5 full:7 random:8 urandom:9; do
        minor=${node#*:}
        mknod -m 666 "$system/dev/${node%:*}" c 1 "$minor"
    done
    mknod -m 666 "$system/dev/tty" c 5 0
    mkdir "$system/dev/pts" "$system/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$system/dev/pts"
    ln -s pts/ptmx "$system/dev/ptmx"
    ln -s /proc/self/fd "$system/dev/fd"
    busybox ip link set lo up
    exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        chroot "$system" /lib/systemd/systemd --show-status=0
}

# ---- here: all of it ------------------------------------------------------------

# within COMMAND...: in the booted system.
within() {
    nsenter -t "$first" -m -p -C -n -u -i -r -w env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"
}

# booted: whether systemd there has nothing left to start.
booted() {
    [[ $(within systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]
}

await() {
    local end=$((SECONDS + 60))
    until "$@"; do
        ((SECONDS < end)) || return
        sleep 0.2
    done
}

# first_process: of the system, whose parent is unshare.
first_process() {
    first=$(pgrep -P "$child")
}

clean_up() {
    trap '' HUP INT TERM
    if [[ -n ${child:-} ]]; then
        pkill -KILL -P "$child" || true
        wait "$child" || true
    fi
    if [[ -n ${group:-} ]]; then
        echo $$ >"${group%/*}/cgroup.procs"
        await remove_group || true
    fi
    rm -rf "$folder"
} 2>/dev/null

remove_group() {
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [[ ! -e $group ]]
}

if [[ ${1-} == prepare || ${1-} == boot ]]; then
    "$@"
    exit
fi
[[ $(id -u) == 0 ]] || skip 'it must be run as root'
cgroups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[[ -n $cgroups ]] || skip 'there is no cgroup2'
apt-get update -qq

folder=$(mktemp -d)
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
unshare --mount --pid --fork --mount-proc "$0" prepare "$folder/system" &
child=$!
wait "$child"
unset child

# what systemd makes of groups is below one of ours
group=$cgroups/vpn-warp-test.$$
mkdir "$group"
echo $$ >"$group/cgroup.procs"
unshare --mount --pid --cgroup --net --uts --ipc --fork "$0" boot "$folder/system" &
child=$!
await first_process
await booted
within env SESSIONS="$sessions" /relay/tests/packages/services.sh
say "PASS"
