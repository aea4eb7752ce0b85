#!/bin/bash
# build.sh FOLDER: the Debian packages into that folder, built in a system of their
# own, so that they are for that Debian, whichever runs here. As root.
#
#   SUITE=bookworm|trixie   which Debian

set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C
. tests/lib/system.bash
. tests/lib/packages.bash

# in_namespace SYSTEM
in_namespace() {
    make_building_system "${SUITE:-bookworm}" "$1"
    mkdir "$1/debs"
    build_packages "$1" /debs
}

if [[ ${2-} == inside ]]; then
    in_namespace "$1"
    exit
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unshare --mount --pid --fork --kill-child --mount-proc "$0" "$folder/system" inside
mkdir -p "$1"
cp "$folder"/system/debs/*.deb "$1"
