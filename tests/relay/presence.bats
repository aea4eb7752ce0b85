#!/usr/bin/env bats
# Relays that know of each other's agents by a store: a real Redis.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/cluster

setup_file() {
    make_pki alice bob
    make_nodes tokyo osaka kyoto
}

setup() {
    prepare
    make_relays tokyo osaka kyoto
}

# start_two [NAME...]: tokyo and osaka, of which these, or both, use the store.
start_two() {
    [ $# -gt 0 ] || set -- tokyo osaka
    with_presence "$@"
    start_relays tokyo osaka
}

# crosses NAME: a session of alice begins there, and is whole.
crosses() {
    running "stone-$1" || stone_at "$1" alice '--sessions 0'
    client session "$stone_port" alice 1000 1000
    not says target-alice spoilt
}

@test "a stone meets its agent at the relay that the store names, and no other is asked" {
    start_store
    with_presence tokyo osaka kyoto
    start_relays
    all_up tokyo osaka kyoto
    agent_at kyoto alice
    wait_until 60 told kyoto 1
    stone_at tokyo alice '--sessions 0'
    wait_until 60 passes_over osaka
    [ "$(node_status tokyo crossing_out_total)" -ge 10 ]
    [ "$(node_status kyoto crossing_in_total)" -ge 10 ]
    # the broker is told every two seconds
    wait_until 60 publishes kyoto 1
    wait_until 60 shows tokyo '^store      up, 0 customers here told, [1-9][0-9]* lookups, [0-9]+ failed$'
    node_ctl kyoto metrics | grep -x 'vpn_warp_relay_published 1'
    node_ctl kyoto metrics | grep -x 'vpn_warp_relay_store_up 1'
    [ "$(store smembers vw:nodes | sort | xargs)" = 'kyoto osaka tokyo' ]
}

# shows NAME PATTERN: a line of that relay's status.
shows() {
    node_ctl "$1" status | grep -E "$2"
}

# passes_over NAME: ten sessions begin that it is not asked for. On a slow machine
# the store may not answer in time, and then it is.
passes_over() {
    count_lines "$1-peer" ' turned-away '
    local before=$counted
    client sessions "$stone_port" alice 10 1
    count_lines "$1-peer" ' turned-away '
    [ "$counted" -eq "$before" ]
}

@test "the store learns no identity, and another secret sees another name" {
    start_store
    start_two
    all_up tokyo osaka
    agent_at osaka alice
    wait_until 60 told osaka 1
    local key identity
    key=$(store --scan --pattern 'vw:a:*')
    [[ $key =~ ^vw:a:[0-9a-f]{64}$ ]]
    identity=$(node_ctl osaka --json agents | jq -r '.agents[0].certificate')
    not grep -F "${identity#sha256:}" <<<"$key $(store hgetall "$key")"
    [ "$key" != "vw:a:$(printf %s "${identity#sha256:}" | sha256sum | cut -d ' ' -f 1)" ]
    echo 'another secret of 16 bytes and more' >osaka/secret
    node_ctl osaka reload
    wait_until 60 told osaka 2
}

@test "an agent that comes while a stone waits is found, and one that goes is taken out" {
    start_store
    start_two
    all_up tokyo osaka
    stone_at tokyo alice '--sessions 0'
    start_target target-alice whole alice
    start_client client session "$stone_port" alice 1000 1000
    wait_until 60 stone_waits tokyo
    at_relay osaka start_agent agent-alice alice "$target"
    ended_whole client
    wait_until 60 told osaka 1
    stop agent-alice
    wait_until 60 told osaka 0
    wait_until 60 publishes osaka 0
}

stone_waits() {
    [ "$(node_status "$1" stones)" -eq 1 ]
}

@test "nobody anywhere is a 503, and no relay is asked for it" {
    start_store
    sed -i '$amatch_timeout = 2' tokyo/relay.conf
    start_two
    all_up tokyo osaka
    wait_until 60 refused_here tokyo
    wait_until 60 has_looked tokyo
}

# refused_here NAME: a stone is, and no other relay was asked for it.
refused_here() {
    local before
    before=$(node_status "$1" reach_total)
    run -0 at_relay "$1" s_client alice <<<$'GET / HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 503 No agent is there for this certificate'* ]]
    [ "$(node_status "$1" reach_total)" -eq "$before" ]
}

# ---- the store fails ---------------------------------------------------------------

@test "without the store all others are asked, and it is said once; when it comes it is told all" {
    start_two
    agent_at osaka alice
    wait_until 60 says osaka-presence ' store-away .*reason=Connection_refused'
    crosses tokyo
    wait_until 60 has_failed tokyo
    [ "$(node_status tokyo store_up)" = false ]
    says_times osaka-presence 1 ' store-away '
    start_store
    all_up tokyo osaka
    wait_until 60 told osaka 1
    stop store
    wait_until 60 says_at_least osaka-presence 2 ' store-away '
    crosses tokyo
}

has_failed() {
    [ "$(node_status "$1" lookup_failures_total)" -ge 1 ]
}

@test "a store that stalls holds nobody up, and is believed again when it goes on" {
    start_store
    start_two
    all_up tokyo osaka
    agent_at osaka alice
    wait_until 60 told osaka 1
    read_pid store
    kill -STOP "$pid"
    crosses tokyo
    wait_until 60 says tokyo-presence ' store-away .*reason=it_does_not_answer_in_time'
    crosses tokyo
    kill -CONT "$pid"
    all_up tokyo osaka
    wait_until 60 told osaka 1
    crosses tokyo
}

@test "a store that has lost all is told all again" {
    start_store
    start_two
    all_up tokyo osaka
    agent_at osaka alice
    wait_until 60 told osaka 1
    store flushall
    wait_until 60 told osaka 1
    says osaka-presence ' store-emptied published=1$'
    wait_until 60 says tokyo-presence ' store-emptied published=0$'
}

# ---- the relay fails ----------------------------------------------------------------

@test "relay-presence killed, nobody is lost, and it tells and finds all when it is back" {
    start_store
    start_two
    all_up tokyo osaka
    agent_at osaka alice
    wait_until 60 told osaka 1
    stop tokyo-presence KILL || :
    stop osaka-presence KILL || :
    crosses tokyo
    start_presence tokyo
    start_presence osaka
    all_up tokyo osaka
    wait_until 60 publishes osaka 1
    crosses tokyo
    wait_until 60 has_looked tokyo
}

has_looked() {
    [ "$(node_status "$1" lookups_total)" -ge 1 ]
}

@test "a stone that waits is asked for again when relay-presence comes" {
    start_store
    start_two
    all_up tokyo osaka
    stop tokyo-presence KILL || :
    stone_at tokyo alice '--sessions 0'
    start_target target-alice whole alice
    start_client client session "$stone_port" alice 1000 1000
    wait_until 60 stone_waits tokyo
    start_presence tokyo
    at_relay osaka start_agent agent-alice alice "$target"
    ended_whole client
}

@test "a broker that begins anew tells again what is here, and no more than that" {
    start_store
    start_two
    all_up tokyo osaka
    agent_at osaka alice
    at_relay osaka start_agent agent-bob bob "$target"
    wait_until 60 told osaka 2
    stop osaka-broker KILL || :
    stop agent-bob
    start_one osaka broker relay-broker
    wait_until 60 has_presence osaka
    wait_until 60 told osaka 1
    wait_until 60 agents_wait osaka 2
    wait_until 60 publishes osaka 1
    crosses tokyo
}

@test "a relay that died is tried last, and its agents are found where they went" {
    start_store
    with_presence tokyo osaka kyoto
    start_relays
    all_up tokyo osaka kyoto
    agent_at osaka alice
    wait_until 60 told osaka 1
    stop osaka-peer KILL || :
    stop osaka-presence KILL || :
    stop agent-alice
    at_relay kyoto start_agent agent-alice alice "$target"
    wait_until 60 told kyoto 1
    wait_until 60 lease_is_gone osaka
    crosses tokyo
    [ "$(node_status kyoto crossing_in_total)" -ge 1 ]
}

lease_is_gone() {
    [ "$(store exists "vw:n:$1")" = 0 ]
}

@test "a relay that drains is withdrawn while its sessions go on, and one that has none ends withdrawn" {
    start_store
    start_two
    all_up tokyo osaka
    agent_at osaka alice
    at_relay osaka start_agent agent-bob bob "$target"
    wait_until 60 told osaka 2
    stone_at tokyo alice '--sessions 0'
    start_client client session "$stone_port" alice goes
    wait_until 60 in_session osaka
    node_ctl osaka drain
    wait_until 60 told osaka 0
    wait_until 60 publishes osaka 0
    in_session osaka
    # nor is an agent told of that comes now
    at_relay osaka start_agent agent-late bob "$target"
    wait_until 60 waits agent-late 1
    told osaka 0
    at_relay tokyo start_agent agent-here alice "$target"
    wait_until 60 told tokyo 1
    node_ctl tokyo drain
    wait_until 60 told tokyo 0
    go_on goes
    ended_whole client
    await_end osaka-broker
    await_end tokyo-broker
    told osaka 0
}

# ---- a hostile store ----------------------------------------------------------------

@test "what a store says that others write to is tried, or passed over, and breaks nothing" {
    start_store
    start_two
    all_up tokyo osaka
    agent_at osaka alice
    wait_until 60 told osaka 1
    local key
    key=$(store --scan --pattern 'vw:a:*')
    # of no relay, of this one, of another start
    store hset "$key" nagoya 1 '../../etc' 2 tokyo 3 '' 4 kyoto ffffffffffffffff
    crosses tokyo
    # no hash at all
    store set "$key" osaka
    crosses tokyo
    # more than anybody has
    store del "$key"
    store hset "$key" osaka "$(head -c 100000 /dev/zero | tr '\0' x)"
    crosses tokyo
    wait_until 60 says tokyo-presence ' store-away .*reason=its_answer_is_too_long'
    store del "$key"
    store set vw:n:tokyo x ex 10
    wait_until 60 says tokyo-presence ' name-in-use node=tokyo '
    running tokyo-presence
    running tokyo-broker
}

@test "a store that is none is left again, whatever it says" {
    local how
    start_two tokyo
    agent_at osaka alice
    for how in crowd giant depth noise flood negative replica; do
        : >store.log
        start store python3 -SB "$tests/lib/false_store.py" "$store_port" "$how"
        wait_until 60 says_at_least store 2 '^[.]$'
        [ "$(node_status tokyo store_up)" = false ]
        stop store KILL || :
    done
    running tokyo-presence
    read_pid tokyo-presence
    [ "$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")" -lt 65536 ]
    crosses tokyo
}

# ---- who may speak to the store --------------------------------------------------------

# with_password NAME PASSWORD [USER]
with_password() {
    (umask 077 && echo "$2" >"$1/password")
    echo 'presence_password = password' >>"$1/relay.conf"
    [ -z "${3-}" ] || echo "presence_user = $3" >>"$1/relay.conf"
    give "$1"
}

@test "a password is read from a file of its own, of a user or of none, also by a Unix socket, and a wrong one is said" {
    start_store --unixsocket "$scratch/store.sock" --unixsocketperm 777 --requirepass s3cret --user relay on '>other' '~vw:*' '+@all'
    with_presence tokyo osaka kyoto
    with_password tokyo s3cret
    with_password osaka other relay
    with_password kyoto wrong
    sed -i "s,^presence = .*,presence = $scratch/store.sock," osaka/relay.conf
    start_relays
    all_up tokyo osaka
    wait_until 60 says kyoto-presence ' store-away .*reason=it_does_not_take_the_password'
    chmod 644 tokyo/password
    run -78 "$scratch/bin/relay-presence" -t -c tokyo/relay.conf
    [[ $output == *tokyo/password* ]]
}

@test "TLS to the store, of its authority and address, and of no other" {
    take_port
    store_port=$port
    start_store --port 0 --tls-port "$store_port" --tls-auth-clients no \
        --tls-cert-file cert.pem --tls-key-file private.pem --tls-ca-cert-file ca.pem
    with_presence tokyo osaka
    echo 'presence_ca = ca.pem' >>tokyo/relay.conf
    echo 'presence_ca = node-ca.pem' >>osaka/relay.conf
    start_relays tokyo osaka
    all_up tokyo
    wait_until 60 says osaka-presence ' store-away .*reason=(self-signed|self_signed|unable_to_get)'
    [ "$(node_status osaka store_up)" = false ]
}

# ---- without it ---------------------------------------------------------------------------

@test "without a presence line it does not start, and the others need nothing of it" {
    run -78 "$scratch/bin/relay-presence" -c tokyo/relay.conf
    [[ $output == *'no presence line' ]]
    local program
    for program in "$scratch"/bin/relay*; do
        [[ $program == *relay-presence || $program == *relay-ca ]] || not grep -q hiredis <(ldd "$program")
    done
    ldd "$scratch/bin/relay-presence" | grep hiredis
    start_relays tokyo
    [ "$(node_status tokyo presence_pid)" = null ]
    not grep '^store' <(node_ctl tokyo status)
}

@test "its lines go together, and a short or open secret is refused" {
    start_two tokyo
    local conf=tokyo/relay.conf
    "$scratch/bin/relay-presence" -t -c "$conf"
    run -64 "$scratch/bin/relay-presence" extra
    chmod 644 tokyo/secret
    run -78 "$scratch/bin/relay-presence" -t -c "$conf"
    chmod 600 tokyo/secret
    echo short >tokyo/secret
    run -78 "$scratch/bin/relay-presence" -t -c "$conf"
    [[ $output == *'openssl rand -hex 32' ]]
    sed -i '/^presence_secret/d' "$conf"
    run -78 "$scratch/bin/relay-presence" -t -c "$conf"
    [[ $output == *'no presence_secret line' ]]
    sed -i '/^presence/d' "$conf"
    echo 'presence_secret = secret' >>"$conf"
    run -78 "$scratch/bin/relay-broker" -t -c "$conf"
    [[ $output == *'no presence line' ]]
}
