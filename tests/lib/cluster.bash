# Several relays on one host, each a folder of the test's: NAME/relay.conf, and
# the programs NAME-broker, NAME-relay and NAME-peer. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2034,SC2154

# make_nodes NAME...: the authority of relays, once a file, and a certificate of
# each.
make_nodes() {
    export nodes=$BATS_FILE_TMPDIR/nodes
    local name
    "$built/relay-ca" -d "$nodes" init
    for name; do
        "$built/relay-ca" -d "$nodes" node "$name"
    done
} >/dev/null

# make_relays NAME...: a folder for each, which has all others as peers. Their
# ports are port_of[NAME] and peer_of[NAME].
make_relays() {
    local name other port
    declare -gA port_of=() peer_of=()
    relays=("$@")
    for name; do
        take_port
        port_of[$name]=$port
        take_port
        peer_of[$name]=$port
    done
    for name; do
        mkdir "$name"
        cp cert.pem private.pem ca.pem crl.pem "$name"
        cp "$nodes/node/$name/cert.pem" "$name/node.pem"
        cp "$nodes/node/$name/private.pem" "$name/node-key.pem"
        cp "$nodes/ca.pem" "$name/node-ca.pem"
        cp "$nodes/crl.pem" "$name/node-crl.pem"
        sed -e "s/^listen = .*/listen = 127.0.0.1:${port_of[$name]}/" relay.conf >"$name/relay.conf"
        {
            printf '%s\n' "peer_listen = 127.0.0.1:${peer_of[$name]}" \
                'peer_certificate = node.pem' 'peer_key = node-key.pem' \
                'peer_ca = node-ca.pem' 'peer_crl = node-crl.pem'
            for other; do
                echo "peer = $other 127.0.0.1:${peer_of[$other]}"
            done
        } >>"$name/relay.conf"
        give "$name"
    done
}

# start_relays [NAME...]: all of them, unless told.
start_relays() {
    local name
    for name in "${@:-${relays[@]}}"; do
        start_one "$name" broker relay-broker
        start_one "$name" relay relay-listen
        start_one "$name" peer relay-peer
        wait_until 60 attached "$name"
    done
}

# start_one NAME WHAT PROGRAM
start_one() {
    : >"$scratch/$1-$2.log"
    start "$1-$2" "$scratch/bin/$3" -c "$scratch/$1/relay.conf"
    await_start "$1-$2" says "$1-$2" ' start '
}

# attached NAME: whether its broker has all that belong to it.
attached() {
    [ "$(node_status "$1" peer_pid)" != null ] && [ "$(node_status "$1" spawners)" = 1 ]
}

# node_ctl NAME WORD...: its relayctl.
node_ctl() {
    local name=$1
    shift
    "$scratch/bin/relayctl" -c "$scratch/$name/relay.conf" "$@" 3>&-
}

# node_status NAME FIELD
node_status() {
    node_ctl "$1" --json status | jq ".status.$2"
}

# at_relay NAME COMMAND...: with the agent or stone that COMMAND starts there.
at_relay() {
    local relay_port=${port_of[$1]}
    shift
    "$@"
}

# agents_wait NAME COUNT: that many do, at that relay.
agents_wait() {
    [ "$(node_status "$1" agents)" -eq "$2" ]
}
