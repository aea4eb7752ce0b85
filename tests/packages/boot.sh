#!/bin/bash
# boot.sh SYSTEM: becomes the first process of that system, which is systemd. To be
# started in namespaces of its own, for all but users. The system has a /dev of its
# own, and no say in the host's settings.

set -eu
system=$1
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
ip link set lo up
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$system" /lib/systemd/systemd --show-status=0
