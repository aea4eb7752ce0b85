#!/usr/bin/env bats
# The alerts for Prometheus and the dashboard for Grafana: that they name what
# there is, and come when they should.
#
# shellcheck disable=SC2016,SC2154

load ../lib/helpers
load ../lib/customers
load ../lib/docs
load ../lib/stones

setup_file() {
    make_pki alice
}

setup() {
    prepare
    unset RUNTIME_DIRECTORY
    monitoring=$root/man/monitoring
}

need_promtool() {
    command -v promtool >/dev/null || skip 'needs promtool'
}

@test "every metric that they name is one that a program prints" {
    configure 'crl = crl.pem'
    no_customers
    customer alice 'nusers = 5'
    start_broker
    start_agent agent alice 127.0.0.1:1
    wait_until 60 says agent ' start '
    start_relay_stone stone "$(to_relay "localhost:$(free_port)")"
    {
        ctl metrics
        bin/relayagent metrics -C agent.conf
        bin/relay-stone metrics -C stone.conf
    } | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' | sort >printed
    grep -x vpn_warp_relay_crl_expire_timestamp_seconds printed
    local file
    for file in alerts.yml dashboard.json; do
        grep -oE 'vpn_warp_[a-z_]+' "$monitoring/$file" | sort -u >named
        [ "$(wc -l <named)" -ge 10 ]
        run -0 comm -23 named printed
        [ -z "$output" ]
    done
    grep -oE 'vpn_warp_[a-z_]+' "$root/man/relay-cluster.7" | sort -u >named
    [ "$(wc -l <named)" -ge 10 ]
    run -0 comm -23 named printed
    [ -z "$output" ]
}

@test "the rules of relay-cluster(7) are such" {
    need_promtool
    example relay-cluster.7 'alert: ' >rules.yml
    run -0 promtool check rules rules.yml
    [[ $output == *"$(grep -c ' alert: ' rules.yml) rules found"* ]]
}

@test "the alerts are rules, each of which comes when it should, and not before" {
    need_promtool
    promtool check rules "$monitoring/alerts.yml"
    promtool test rules "$tests/docs/alerts-test.yml"
    # each is expected at some time, and not at another
    sed -n 's/^ *- alert: //p' "$monitoring/alerts.yml" | sort >alerts
    awk '/alertname: / { if (name) print name, "no"; name = $2 }
        /exp_alerts:/ { print name, "yes"; name = "" }
        END { if (name) print name, "no" }' "$tests/docs/alerts-test.yml" | sort -u >cases
    sed 's/$/ no/p; s/ no$/ yes/' alerts | sort | diff - cases
}

@test "a rule that is changed fails its case" {
    need_promtool
    local change
    sed 's,- ../../man/monitoring/,- ,' "$tests/docs/alerts-test.yml" >alerts-test.yml
    for change in 's/== 0$/== 7/' 's/< [0-9]* \* 86400/< 1/' 's/> 20$/> 2000/' 's/>= vpn_warp_customer_nusers/> vpn_warp_customer_nusers/' \
        's/== 1$/== 2/' 's/forward_certificate_/certificate_/' 's/\[10m\])) > 1/[10m])) > 100/' 's/absent/present_over_time/' 's/\[15m\]) > 0/[15m]) > 9/'; do
        sed "$change" "$monitoring/alerts.yml" >alerts.yml
        run ! diff alerts.yml "$monitoring/alerts.yml"
        run ! promtool test rules alerts-test.yml
    done
}

@test "the dashboard has queries that Prometheus understands, side by side" {
    need_promtool
    python3 - "$monitoring/dashboard.json" >queries.yml <<'SCRIPT'
import json, sys
dashboard = json.load(open(sys.argv[1]))
panels = dashboard["panels"]
assert len({panel["id"] for panel in panels}) == len(panels) > 10
taken = set()
for panel in panels:
    place = panel["gridPos"]
    cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
    assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
    taken |= cells
variables = {variable["name"] for variable in dashboard["templating"]["list"]}
assert variables == {"source", "instance", "customer"}
print("groups:\n- name: dashboard\n  rules:")
for number, target in enumerate(target for panel in panels for target in panel["targets"]):
    print(f"  - record: query{number}\n    expr: {json.dumps(target['expr'])}")
SCRIPT
    grep -q 'record: query14$' queries.yml
    promtool check rules queries.yml
}
