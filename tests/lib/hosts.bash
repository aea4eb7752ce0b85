# Whole hosts: a Debian each, booted by systemd, on the lan of lan.bash. To be loaded
# after helpers, lan, system and packages. $folder/HOST is the root of each; DEBS
# the folder of packages that lie in its /root.
#
# shellcheck shell=bash disable=SC2154

# make_hosts NAME=ADDRESS...: that know each other and a user named so, and can
# install our packages without a network.
make_hosts() {
    local each first=
    unshare --mount --pid --fork --kill-child --mount-proc bash -eE "$tests/lib/hosts.sh" \
        "${SUITE:-bookworm}" "$folder" "$@"
    for each; do
        host "${each%=*}" "${each#*=}"
    done
}

# start_hosts: all that make_hosts made, each below a cgroup of its own.
start_hosts() {
    local name cgroups
    cgroups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
    [ -n "$cgroups" ] || skip 'needs cgroup2'
    export group=$cgroups/vpn-warp-hosts.$$
    mkdir "$group"
    for name in "${hosts[@]}"; do
        [ ! -d "$folder/$name" ] || start_host "$name"
    done
    for name in "${hosts[@]}"; do
        [ ! -d "$folder/$name" ] || wait_until 300 booted "$name"
    done
}

# start_host NAME
start_host() {
    mkdir -p "$group/$1"
    (
        echo "$BASHPID" >"$group/$1/cgroup.procs"
        exec nsenter --net="/run/netns/$lan.$1" unshare --mount --pid --cgroup --uts --ipc --fork \
            "$tests/packages/boot.sh" "$folder/$1"
    ) >>"$folder/$1.log" 2>&1 3>&- </dev/null &
    echo $! >"$folder/$1.unshare"
}

# reboot_host NAME
reboot_host() {
    within "$1" systemctl reboot || true # which may end before it can say so
    wait_until 300 [ ! -e "/proc/$(<"$folder/$1.unshare")" ]
    start_host "$1"
    wait_until 300 booted "$1"
}

# first_of HOST: sets first to its first process.
first_of() {
    local unshare
    unshare=$(<"$folder/$1.unshare")
    read -r first _ <"/proc/$unshare/task/$unshare/children" || [ -n "$first" ]
}

# within HOST COMMAND...
within() {
    local first
    first_of "$1"
    shift
    nsenter -t "$first" -m -p -C -n -u -i -r -w env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"
}

# booted HOST: whether systemd there has nothing left to start.
booted() {
    [[ $(within "$1" systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]
} 2>/dev/null

end_hosts() {
    local name first
    for name in "${hosts[@]}"; do
        [ -e "$folder/$name.unshare" ] || continue
        first_of "$name" && kill -KILL "$first"
        wait "$(<"$folder/$name.unshare")" || true # not ours where it was rebooted
    done
    wait_until 60 no_group
    end_lan
} 2>/dev/null

no_group() {
    [ -z "${group-}" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -e "${group-}" ]
}
