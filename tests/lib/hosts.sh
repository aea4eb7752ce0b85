# hosts.sh SUITE FOLDER NAME=ADDRESS...: makes the systems of hosts.bash. In
# namespaces of its own; DEBS are the packages.
#
# shellcheck shell=bash disable=SC2154

. tests/lib/system.bash
suite=$1 folder=$2
shift 2

for each; do
    name=${each%=*}
    make_system "$suite" "$folder/$name" "$booting"
    echo "$name" >"$folder/$name/etc/hostname"
    for other; do
        echo "${other#*=} ${other%=*} ${other%=*}.example.org"
    done >>"$folder/$name/etc/hosts"
    cp "$DEBS"/vpn-warp-*.deb "$folder/$name/root"
    rm -f "$folder/$name"/root/*-dbgsym*
    inside "$folder/$name" useradd --create-home --shell /bin/bash user
done

# the first fetches what the packages need, and the others have it as well
first=$folder/${1%=*}
mount -t proc proc "$first/proc"
inside "$first" sh -ec 'apt-get update -q
    apt-get install -q -y --no-install-recommends --download-only /root/*.deb'
umount "$first/proc"
for each in "${@:2}"; do
    cp -r "$first"/var/lib/apt/lists "$folder/${each%=*}/var/lib/apt"
    cp "$first"/var/cache/apt/archives/*.deb "$folder/${each%=*}/var/cache/apt/archives"
done
