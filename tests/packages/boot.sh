#!/bin/bash
# boot.sh SYSTEM: becomes the first process of that system, which is systemd. To be
# started in namespaces of its own, for all but users. The system has a /dev of its
# own, and no say in the host's settings.

set -eu
. "$(dirname "$0")/../lib/system.bash"
system=$1
rm -f "$system/usr/sbin/policy-rc.d" # now things may start
# it runs only where nobody else wants the processors, and the boot waits for it
ln -sf /dev/null "$system/etc/systemd/system/e2scrub_reap.service"
mount --make-rprivate /
mount --bind "$system" "$system"
mount -t proc proc "$system/proc"
mount --bind "$system/proc/sys" "$system/proc/sys"
mount -o remount,ro,bind "$system/proc/sys"
mount -t sysfs -o ro sysfs "$system/sys"
mount -t cgroup2 cgroup2 "$system/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$system/run"
own_dev "$system"
ip link set lo up
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$system" /lib/systemd/systemd --show-status=0
