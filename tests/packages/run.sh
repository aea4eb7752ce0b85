#!/bin/bash
# Whether the Debian packages build, install, run, are upgraded and go away again:
# in a system of their own, whose first process is systemd, so that their units
# start for real. To be run as root.
#
#   SUITE=bookworm|trixie   which Debian
#   SESSIONS=200            how many go through the relay while it starts again
#   DEBS=FOLDER             packages that are built already

set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C
. tests/lib/system.bash
. tests/lib/packages.bash

suite=${SUITE:-bookworm}
sessions=${SESSIONS:-200}
# what the packages' own test needs, and what is looked at below
tools=(stone curl python3)

skip() {
    echo "packages: skipped: $1"
    exit 77
}

say() {
    echo "packages: $*"
}

# ---- in a namespace: the system, and the packages in it -----------------------

# build SYSTEM: the packages into its /debs, and see that they are as they should.
build() {
    local system=$1 file
    make_building_system "$suite" "$system" "${tools[@]}" lintian
    say "built on $suite"
    mkdir -p "$system/debs" "$system/again/elsewhere"
    build_packages "$system" /debs
    say 'another build in another folder has the same bytes'
    build_packages "$system" /again/elsewhere
    for file in "$system"/debs/*.deb; do
        cmp "$file" "$system/again/elsewhere/${file##*/}"
    done
    say 'lintian finds nothing'
    inside "$system" sh -c 'lintian --allow-root --pedantic --fail-on error,warning,pedantic /debs/*.changes'
}

prepare() {
    local system=$1
    if [[ -n ${DEBS-} ]]; then
        make_equipped_system "$suite" "$system" "${tools[@]}"
        cp -r "$DEBS" "$system/debs"
    else
        build "$system"
    fi
    renumbered "$system/debs" +next "$system/next"
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
    local end=$((SECONDS + 300)) # a boot takes long where all want the processors
    until "$@"; do
        ((SECONDS < end)) || return
        sleep 0.2
    done
}

# boot: the system, until all is started that is to be.
boot() {
    unshare --mount --pid --cgroup --net --uts --ipc --fork tests/packages/boot.sh "$folder/system" &
    child=$!
    await first_process
    await booted
}

# ended: once the system has.
ended() {
    await [ ! -e "/proc/$first" ]
    wait "$child" || true
    unset child
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

if [[ ${1-} == prepare ]]; then
    prepare "$2"
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
boot
within env SESSIONS="$sessions" /relay/tests/packages/services.sh
say 'what was set up is there again after a reboot'
within /relay/tests/packages/again.sh before
within systemctl reboot || true # which may end before it can say so
ended
boot
within /relay/tests/packages/again.sh after
say 'and after a power failure'
kill -KILL "$first"
ended
boot
within /relay/tests/packages/again.sh after
say "PASS"
