# A network of the test's own: hosts, each a network namespace, on one lan. To be
# loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

# make_lan: to which "host" adds hosts. For setup; end_lan is for teardown.
make_lan() {
    lan=vw$BATS_TEST_NUMBER.$$
    hosts=()
    ip netns add "$lan" 2>/dev/null || skip 'needs network namespaces'
    in_lan ip link add br0 type bridge
    in_lan ip link set br0 up
}

end_lan() {
    local name
    for name in "${hosts[@]/#/$lan.}" "$lan"; do
        [ ! -e "/run/netns/$name" ] || ip netns del "$name"
    done
}

in_lan() {
    nsenter --net="/run/netns/$lan" "$@"
}

# on HOST COMMAND...
on() {
    local name=$1
    shift
    exec nsenter --net="/run/netns/$lan.$name" "$@"
}

# host NAME ADDRESS: one on the lan.
host() {
    ip netns add "$lan.$1"
    hosts+=("$1")
    in_lan ip link add "$1" type veth peer name eth0 netns "$lan.$1"
    in_lan ip link set "$1" master br0 up
    nsenter --net="/run/netns/$lan.$1" ip address add "$2/24" dev eth0
    nsenter --net="/run/netns/$lan.$1" ip link set eth0 up
    nsenter --net="/run/netns/$lan.$1" ip link set lo up
}

# The host's own link stays up: it is told nothing.
cut() {
    in_lan ip link set "$1" nomaster
}

mend() {
    in_lan ip link set "$1" master br0
}
