# Several relays of the demo, which know of each other's agents by a store. Part of
# demo.sh, whose functions and variables these use.
#
# shellcheck shell=bash disable=SC2034,SC2154

run_store() {
    launch store "$scratch" "$store" --port "$1" --bind 127.0.0.1 --save '' --daemonize no
    up store logged store 'Ready to accept connections'
}

start_store() {
    on_free_port store "$(some_port)" run_store
    store_port=$port
    hop "$store" "on 127.0.0.1:$store_port, where relays tell which agents they have"
}

# a_peer_port: sets port to one that is free, and none of the others.
a_peer_port() {
    until port=$(some_port) && [[ -z $(listeners "$port") && " ${peer_ports[*]-} " != *" $port "* ]]; do
        :
    done
}

# make_peers: the authority and certificates of relays, and where each is.
make_peers() {
    local i peer_ports=()
    ca_of nodes init
    head -c 32 /dev/urandom | base64 >"$scratch/nodes/secret"
    for ((i = 1; i <= count; i++)); do
        ca_of nodes node "relay$i"
        a_peer_port
        peer_ports[i]=$port
    done
    for ((i = 1; i <= count; i++)); do
        peers "${peer_ports[@]}" >"$scratch/nodes/peers$i"
        echo "peer_listen = 127.0.0.1:${peer_ports[i]}" >>"$scratch/nodes/peers$i"
    done
}

# peers PORT...: the lines of relay.conf that all have in common.
peers() {
    local i=0 peer_port
    for peer_port; do
        echo "peer = relay$((++i)) 127.0.0.1:$peer_port"
    done
    cat <<END
peer_certificate = node.pem
peer_key = node-key.pem
peer_ca = node-ca.pem
presence = 127.0.0.1:$store_port
presence_secret = secret
END
}

# peers_of_relay: prints what relay.conf has where this is one of several.
peers_of_relay() {
    local folder=$scratch/relay$at
    [[ -n $at ]] || return 0
    cp "$scratch/nodes/node/relay$at/cert.pem" "$folder/node.pem"
    cp "$scratch/nodes/node/relay$at/private.pem" "$folder/node-key.pem"
    cp "$scratch/nodes/ca.pem" "$folder/node-ca.pem"
    install -m 600 "$scratch/nodes/secret" "$folder/secret"
    chown "$user" "$folder"/{node-key.pem,secret}
    cat "$scratch/nodes/peers$at"
}

start_relays() {
    start_store
    make_peers
    relays=()
    for ((at = 1; at <= count; at++)); do
        make_relay
        start_keyd
        start_broker
        start_spawner
        serve relay-peer "asks the other relays, and is asked"
        serve relay-presence "tells the store, and asks it whom to ask"
        relays+=("$relay")
    done
    at=''
}
