# A Debian system of its own below a folder, made from the mirror that apt uses
# here, for what cannot be tried on the host. As root. What is mounted and started
# there has namespaces of its own and vanishes with them.
#
# shellcheck shell=bash

# What it takes to boot one, and to look at it.
# shellcheck disable=SC2034
booting=ca-certificates,make,systemd,systemd-sysv,dbus,busybox,iproute2,procps

# mirror: prints the first from which apt has what is Debian's own.
# shellcheck disable=SC2016 # it is apt's variable
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
        sed -n 1p
}

# use_proxy: apt's own, for the tools that only look at the environment.
use_proxy() {
    local proxy
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z ${proxy:-} ]] || export http_proxy=$proxy
}

# make_system SUITE FOLDER PACKAGES: with these packages too, separated by commas. A
# copy is kept for a few hours. What is installed there starts nothing.
make_system() {
    local kept=build/systems/$1-$3.tar
    use_proxy
    if [[ -z $(find "$kept" -mmin -720 2>/dev/null) ]]; then
        debootstrap --variant=minbase --include="$3" "$1" "$2" "$(mirror)" >"$2.log" 2>&1 || {
            tail -n 20 "$2.log"
            return 1
        }
        mkdir -p build/systems
        tar -C "$2" --one-file-system -cf "$kept.$$" .
        mv "$kept.$$" "$kept"
    else
        mkdir "$2"
        tar -C "$2" -xf "$kept"
    fi
    cp /etc/hosts "$2/etc"
    # it will not be there after a power failure anyway
    echo force-unsafe-io >"$2/etc/dpkg/dpkg.cfg.d/fast"
    install -m 755 /dev/stdin "$2/usr/sbin/policy-rc.d" <<<$'#!/bin/sh\nexit 101'
}

# inside FOLDER COMMAND...: in that system, with nothing of our environment.
inside() {
    local system=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+"http_proxy=$http_proxy"} chroot "$system" "$@"
}

# copy_sources FOLDER: this project's, as a checkout has them.
copy_sources() {
    mkdir -p "$1"
    tar -c --exclude=./build --exclude=./.git . | tar -x -C "$1"
}

# own_dev FOLDER: a /dev that the host has no part in. In a mount namespace.
own_dev() {
    local dev=$1/dev node
    mount -t tmpfs -o mode=755 tmpfs "$dev"
    for node in null:3 zero:5 full:7 random:8 urandom:9; do
        mknod -m 666 "$dev/${node%:*}" c 1 "${node#*:}"
    done
    mknod -m 666 "$dev/tty" c 5 0
    mkdir "$dev/pts" "$dev/shm"
    chmod 1777 "$dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$dev/pts"
    ln -s pts/ptmx "$dev/ptmx"
    ln -s /proc/self/fd "$dev/fd"
    ln -s fd/0 "$dev/stdin"
    ln -s fd/1 "$dev/stdout"
    ln -s fd/2 "$dev/stderr"
}
