#!/usr/bin/env bats
# "relay-stone metrics": what one that listens says of its forwards, for
# Prometheus.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/metrics
load ../lib/status

setup_file() {
    make_pki alice
}

setup() {
    prepare
    asks relay-stone stone.conf
}

# value METRIC [LISTEN]: of that forward, in text.
value() {
    value_in text "vpn_warp_stone_forward_$1{listen=\"${2:-localhost:$stone_port}\",relay=\"127.0.0.1:$relay_port\"}"
}

@test "metrics are what status says; --textfile replaces the file in one step" {
    with_relay
    a_line alice '--sessions 0'
    ask metrics >text
    is_metrics text 8
    run -1 value good_timestamp_seconds
    client session "$stone_port" alice 1000 1000
    exec {held}<>"/dev/tcp/127.0.0.1/$stone_port"
    wait_until 60 is '.forwards[0] | "\(.sessions) \(.connections) \(.good_at | type)"' '1 2 string'
    ask metrics >text
    is_metrics text 9
    [ "$(value sessions) $(value connections_total) $(value failing)" = '1 2 0' ]
    [ "$(value shared_sessions) $(value shared_sessions_wanted)" = '0 0' ]
    [ "$(value good_timestamp_seconds)" -le "$(answer '.forwards[0].good_at | fromdate')" ]
    [ "$(value good_timestamp_seconds)" -ge "$(answer '.since | fromdate')" ]
    [ "$(value certificate_expire_timestamp_seconds)" = \
        "$(date -d "$(openssl x509 -noout -enddate -in alice/cert.pem | cut -d = -f 2)" +%s)" ]
    [ "$(value_in text vpn_warp_stone_start_timestamp_seconds)" = "$(answer '.since | fromdate')" ]
    [ "$(value_in text "vpn_warp_stone_info{version=\"$(answer .program_version)\"}")" = 1 ]
    exec {held}>&-
    written_in_one_step stone.prom ask metrics
    is_metrics folder/stone.prom 9
    stop stone
    cp folder/stone.prom old
    run -69 ask metrics --textfile folder/stone.prom
    [ "${#lines[@]}" -eq 1 ]
    cmp old folder/stone.prom
    [ "$(ls folder)" = stone.prom ]
}

@test "a relay that is away fails; shared sessions; a path with whatever in it" {
    stone_port=$(free_port)
    # shellcheck disable=SC1003
    start_relay_stone stone '--sessions 2' "$(to_relay "localhost:$stone_port")" \
        '--sessions 0' "$(to_relay $'\'./a"b\\c\nd\'')"
    wait_until 60 is '.forwards[0] | "\(.shared_wanted) \(.fails_since | type)"' '2 string'
    ask metrics >text
    is_metrics text 14
    [ "$(value failing) $(value shared_sessions) $(value shared_sessions_wanted)" = '1 0 2' ]
    grep -xF 'vpn_warp_stone_forward_failing{listen="./a\"b\\c\nd",relay="127.0.0.1:'"$relay_port"'"} 0' text
}

@test "--textfile is for metrics alone, --json is not, and neither is a word of a file" {
    write_stone_conf stone '127.0.0.1:1/ssl,http localhost:8080 "GET / HTTP/1.1"'
    local word
    for word in -t check status; do
        run -64 ask "$word" --textfile stone.prom
        [ "$output" = 'relay-stone: --textfile is for metrics' ]
    done
    run -64 ask metrics --json
    [ "$output" = 'relay-stone: --json is for check and status' ]
    run -78 bin/relay-stone metrics --textfile
    [[ $output == *'no value behind --textfile' ]]
    [ ! -e stone.prom ]
    echo '--textfile stone.prom' >stone.conf
    run -78 ask -t
    [[ $output == 'relay-stone: stone.conf:1: not served: --textfile'* ]]
}
