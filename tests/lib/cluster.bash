# Several relays on one host, each a folder of the test's: NAME/relay.conf, and
# the programs NAME-broker, NAME-relay and NAME-peer. To be loaded after helpers,
# clients and stones.
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

# make_admin NAME: that of an administrator of all of them, behind make_nodes.
make_admin() {
    "$built/relay-ca" -d "$nodes" admin "$1" >/dev/null
}

# with_admin RELAY NAME: the administrator works there. All relays obey who have
# "peer_admin = yes".
with_admin() {
    cp "$nodes/admin/$2/cert.pem" "$1/admin.pem"
    cp "$nodes/admin/$2/private.pem" "$1/admin-key.pem"
    printf '%s\n' 'peer_admin_certificate = admin.pem' 'peer_admin_key = admin-key.pem' >>"$1/relay.conf"
}

# put_list NAME...: crl.pem is the list of revoked clients there, but not before
# relay.conf is read again: one in the old one's place would count at once.
put_list() {
    local name list
    list=list$((++lists)).pem
    for name; do
        cp crl.pem "$name/$list"
        sed -i "s/^crl = .*/crl = $list/" "$name/relay.conf"
        give "$name/$list" "$name/relay.conf"
    done
}

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

# with_keyd NAME...: a relay-keyd beside each of these relays has its key. They are
# to be started by start_relays.
with_keyd() {
    local name
    for name; do
        mkdir "$name/keyd"
        printf '%s\n' 'keyd = keyd/keyd.sock' "keyd_user = $keyd_user" >>"$name/relay.conf"
        ! is_root || chown "$keyd_user" "$name/private.pem" "$name/keyd"
    done
}

# start_store [WORD...]: a Redis, with these words more, on $store_port. What it
# knows it forgets.
start_store() {
    [ -n "${store_port-}" ] || { take_port && store_port=$port; }
    : >"$scratch/store.log"
    start store redis-server --port "$store_port" --bind 127.0.0.1 --save '' --appendonly no \
        --dir "$scratch" --daemonize no "$@"
    wait_until 60 says store 'Ready to accept connections'
}

# store WORD...: a command to it, and its answer.
store() {
    redis-cli -p "$store_port" ${store_words[@]+"${store_words[@]}"} "$@" 2>/dev/null 3>&-
}

# with_presence NAME...: these relays know of each other's agents by the store.
with_presence() {
    local name
    [ -n "${store_port-}" ] || { take_port && store_port=$port; }
    for name; do
        (umask 077 && echo 'what all relays know, and the store does not' >"$name/secret")
        printf '%s\n' "presence = 127.0.0.1:$store_port" 'presence_secret = secret' >>"$name/relay.conf"
        give "$name"
    done
}

# start_presence NAME
start_presence() {
    start_one "$1" presence relay-presence
    wait_until 60 has_presence "$1"
}

has_presence() {
    [ "$(node_status "$1" presence_pid)" != null ]
}

# store_is_up NAME: as its relay-presence says.
store_is_up() {
    [ "$(node_status "$1" store_up)" = true ]
}

# all_up NAME...: the store is, for each.
all_up() {
    local name
    for name; do
        wait_until 60 store_is_up "$name"
    done
}

# told NAME COUNT: so many keys of the store have that relay.
told() {
    local key count=0
    for key in $(store --scan --pattern 'vw:a:*'); do
        [ "$(store hexists "$key" "$1")" != 1 ] || count=$((count + 1))
    done
    [ "$count" -eq "$2" ]
}

# publishes NAME COUNT: so many customers.
publishes() {
    [ "$(node_status "$1" published)" -eq "$2" ]
}

# start_relays [NAME...]: all of them, unless told.
start_relays() {
    local name
    for name in "${@:-${relays[@]}}"; do
        ! grep -q '^keyd = ' "$name/relay.conf" || start_one "$name" keyd relay-keyd
        start_one "$name" broker relay-broker
        start_one "$name" relay relay-listen
        start_one "$name" peer relay-peer
        wait_until 60 attached "$name"
        ! grep -q '^presence = ' "$name/relay.conf" || start_presence "$name"
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

# agent_at NAME CERTIFICATE [LINE...]: with a target that says what came whole.
agent_at() {
    local name=$1 certificate=$2
    shift 2
    start_target "target-$certificate" whole "$certificate"
    at_relay "$name" start_agent "agent-$certificate" "$certificate" "$target" "$@"
    wait_until 60 agents_wait "$name" 2
}

# stone_at NAME CERTIFICATE [LINE...]: on $stone_port. Unless told otherwise, it
# has one session for all, and keeps it for a while.
stone_at() {
    local name=$1 relay_port=${port_of[$1]} stone_name=$2
    shift 2
    take_port
    stone_port=$port
    start_relay_stone "stone-$name" "$@" "$(to_relay "localhost:$stone_port")"
}

# in_session NAME: one is, at that relay.
in_session() {
    [ "$(node_status "$1" sessions)" -eq 1 ]
}

# across COMMAND...: play or start_play, whose script is for a session of an agent at
# osaka and a stone at tokyo: see crossing.py.
across() {
    AGENT_PORT=${port_of[osaka]} STONE_PORT=${port_of[tokyo]} relay_port=${port_of[tokyo]} \
        AGENT_PEER=$(pid_of osaka-peer) STONE_PEER=$(pid_of tokyo-peer) "$@"
}

# live_crossing: a session of alice's from tokyo to osaka, which lasts until client
# ends; the relays run.
live_crossing() {
    start_target target whole alice
    at_relay osaka start_agent agent alice "$target" "-m 2:2"
    wait_until 60 agents_wait osaka 2
    stone_at tokyo alice '--sessions 0'
    start client socat -u "TCP:localhost:$stone_port,linger=0" "CREATE:$scratch/got"
    wait_until 60 in_session osaka
}

# revoke_node NAME AT: the list of revocations at that relay has this one, be it a
# relay or an administrator.
revoke_node() {
    rm -rf "$scratch.ca"
    cp -r "$nodes" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" revoke "$1" >/dev/null
    cp "$scratch.ca/crl.pem" "$2/new.pem"
    give "$2"
    mv "$2/new.pem" "$2/node-crl.pem"
}

# trust_again AT: it has the one without again.
trust_again() {
    count_lines "$1-peer" ' reloaded$'
    cp "$nodes/crl.pem" "$1/new.pem"
    give "$1"
    mv "$1/new.pem" "$1/node-crl.pem"
    wait_until 60 says_at_least "$1-peer" $((counted + 1)) ' reloaded$'
}
