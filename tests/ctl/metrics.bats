#!/usr/bin/env bats
# What is counted, and how Prometheus gets it.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator
load ../lib/metrics

@test "bytes are counted during a long flow, not at its end" {
    start_relay listen
    live
    wait_until 60 counted 5000 70019
    ctl metrics | grep -x 'vpn_warp_customer_down_bytes_total{customer="alice"} 70019'
    [ "$(status_of sessions)" -eq 1 ]
    # and not again when the broker comes back
    stop broker KILL || :
    start_broker
    wait_until 60 has_sessions 1
    sleep 2.5
    counted 0 0
    go_on live
    ended_well live
    not has_sessions 1 || wait_until 60 has_sessions 0
    counted 0 0
}

# counted UP DOWN: whether alice's account says so.
counted() {
    [ "$(ctl --json customers | jq -c '.customers[] | select(.name == "alice") | [.up_total, .down_total]')" = "[$1,$2]" ]
}

@test "metrics are Prometheus text; --textfile replaces the file in one step" {
    start_relay listen
    live
    ctl metrics >text
    is_metrics text 11
    grep -x 'vpn_warp_customer_sessions{customer="alice"} 1' text
    written_in_one_step relay.prom ctl metrics
    is_metrics folder/relay.prom 11
    run -73 ctl metrics --textfile /nonexistent/file
    cp folder/relay.prom old
    stop broker
    run -69 ctl metrics --textfile folder/relay.prom
    cmp old folder/relay.prom
    [ "$(ls folder)" = relay.prom ]
}

@test "no link in the folder leads --textfile to another file" {
    echo untouched >victim
    mkdir folder
    ln -s ../victim folder/metrics.prom.tmp
    ln -s ../victim folder/metrics.prom
    ctl metrics --textfile folder/metrics.prom
    [ "$(cat victim)" = untouched ]
    [ -f folder/metrics.prom ] && [ ! -L folder/metrics.prom ]
}
