# Debian packages of this project, and systems that build them. To be loaded after
# system.bash.
#
# shellcheck shell=bash disable=SC2154

# make_equipped_system SUITE SYSTEM PACKAGE...: with these sources in its /relay, and
# these packages. In namespaces of its own.
make_equipped_system() {
    local system=$2
    make_system "$1" "$system" "$booting"
    mountpoint -q "$system/proc" || mount -t proc proc "$system/proc"
    mount --rbind /dev "$system/dev"
    copy_sources "$system/relay"
    cp -r .debian "$system/relay/debian"
    fetch_into "$system" update
    fetch_into "$system" install "${@:3}"
}

# make_building_system SUITE SYSTEM [PACKAGE...]: and with what it takes to build.
make_building_system() {
    make_equipped_system "$@" build-essential
    fetch_into "$2" build-dep /relay
}

# fetch_into SYSTEM COMMAND PACKAGE...: as apt-get does.
fetch_into() {
    inside "$1" apt-get "$2" -q -y --no-install-recommends "${@:3}" >"$1/deps.log" 2>&1 || {
        tail -n 20 "$1/deps.log"
        return 1
    }
}

# build_packages SYSTEM FOLDER: into that folder of the system.
build_packages() {
    local version
    version=$(sed -n 's/^VERSION = //p' Makefile)
    cp -r "$1/relay" "$1$2/vpn-warp-$version"
    inside "$1" sh -ec "cd $2/vpn-warp-$version && dpkg-buildpackage -b -us -uc -j$(nproc)" \
        >"$1$2.log" 2>&1 || {
        tail -n 40 "$1$2.log"
        return 1
    }
}

# renumbered FOLDER SUFFIX TARGET: the packages of a folder in another, with that
# behind the number of their version.
renumbered() {
    local file name
    mkdir "$3"
    for file in "$1"/*.deb; do
        name=${file##*/}
        [[ $name != *-dbgsym* ]] || continue
        dpkg-deb -R "$file" "$3/tree"
        sed -i "s/^Version: .*/&$2/" "$3/tree/DEBIAN/control"
        dpkg-deb -b "$3/tree" "$3/$name" >/dev/null
        rm -r "$3/tree"
    done
}
