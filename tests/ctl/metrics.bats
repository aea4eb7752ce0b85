#!/usr/bin/env bats
# What is counted, and how Prometheus gets it.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator

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

# what Prometheus text may look like
metrics_grammar='
import re, sys
name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
types, seen = {}, set()
text = open(sys.argv[1]).read()
assert text.endswith("\n")
for line in text.splitlines():
    if re.fullmatch(rf"# HELP {name} .+", line):
        continue
    m = re.fullmatch(rf"# TYPE ({name}) (gauge|counter)", line)
    if m:
        assert m[1] not in types
        types[m[1]] = m[2]
        assert (m[2] == "counter") == m[1].endswith("_total"), line
        continue
    m = re.fullmatch(rf"({name})(\{{(?:customer|reason)=\"[^\"\\]+\"\}})? ([0-9]+)", line)
    assert m and m[1] in types, line
    assert (m[1], m[2]) not in seen, line
    seen.add((m[1], m[2]))
assert len(seen) > 10
'

@test "metrics are Prometheus text; --textfile replaces the file in one step" {
    start_relay listen
    live
    ctl metrics >text
    if command -v promtool >/dev/null; then
        promtool check metrics <text
    fi
    python3 -c "$metrics_grammar" text
    grep -x 'vpn_warp_customer_sessions{customer="alice"} 1' text
    echo old >metrics.prom
    ln metrics.prom kept
    ctl metrics --textfile metrics.prom
    [ "$(cat kept)" = old ]
    python3 -c "$metrics_grammar" metrics.prom
    [ "$(stat -c %a metrics.prom)" = 644 ]
    [ "$(echo metrics.prom*)" = metrics.prom ]
    run -73 ctl metrics --textfile /nonexistent/file
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
