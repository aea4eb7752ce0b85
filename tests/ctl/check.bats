#!/usr/bin/env bats
# Whether a relay is set up well: relayctl check.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator
load ../lib/forge

setup_file() {
    local year_ago
    year_ago=$(date -u -d '1 year ago' +%y%m%d%H%M%SZ)
    make_pki alice bob
    forge soon "$year_ago" "$(date -u -d '10 days' +%y%m%d%H%M%SZ)" serverAuth
    forge ended "$year_ago" "$(date -u -d yesterday +%y%m%d%H%M%SZ)" serverAuth
}

# found STATE WHAT TEXT: whether such a line, which text begins, was printed.
found() {
    local line
    for line in "${lines[@]}"; do
        [[ $line =~ ^"$1"\ +"$2"\ +"$3" ]] && return
    done
    printf '%s\n' "no $* in" "${lines[@]}"
    return 1
}

@test "a relay that is set up well has nothing bad, and one that is not is told what" {
    configure 'crl = crl.pem'
    start_relay listen
    wait_until 60 spawner_is_attached
    run -0 ctl check
    found ok port "127.0.0.1 port $relay_port is open"
    found ok broker '0.2.0, up '
    found ok certificate 'good until '
    found ok authority 'good until '
    found ok crl 'good until '
    [[ $output =~ (ok|warning)\ +clock\  ]]
    [[ $output =~ (ok|warning)\ +sandbox\  ]]
    [[ $output =~ (ok|warning)\ +somaxconn\  ]]
    stop relay
    run -1 ctl check
    found bad port "127.0.0.1 port $relay_port: Connection refused: is relay-listen running?"
    found bad spawner 'no relay-listen is attached'
    stop broker
    run -1 ctl check
    found bad broker "$scratch/broker.sock: No such file or directory: is relay-broker running?"
    run -1 ctl --json check
    jq -e '.version == 1 and (.check | length > 6 and all(keys == ["state", "text", "what"]))' <<<"$output"
    jq -e '.check[] | select(.what == "port").state == "bad"' <<<"$output"
}

@test "what ends soon, or has ended, is told" {
    start_relay listen
    wait_until 60 spawner_is_attached
    run -0 ctl check
    found warning crl 'none is configured'
    cp soon/cert.pem cert.pem
    run -0 ctl check
    found warning certificate "ends $(date -u -d '10 days' +%Y-%m-)"
    [[ $output =~ ' in '(9|10)' days: make another with relay-ca server' ]]
    cp ended/cert.pem cert.pem
    run -1 ctl check
    found bad certificate 'ended '
    rm cert.pem
    run -1 ctl check
    found bad files "$scratch/cert.pem: No such file"
}

@test "limits are held against what the table of customers allows" {
    stop broker
    ulimit -n 3000
    start broker prlimit --nproc=500 bin/relay-broker -c relay.conf
    wait_until 60 ctl status
    # alice and default have 1024 agents and 10 sessions, as nothing else is said
    run ctl check
    found ok files '3000 open files of the broker, for 2'
    found warning processes '500 processes, but 2'
    customer bob 'max_agents = 5000' 'nusers = 100'
    ctl reload || : # there is no relay-listen
    run ctl check
    found warning files '3000 open files of the broker, but 7'
}

@test "the ends of the relay's files are metrics" {
    configure 'crl = crl.pem'
    run -0 ctl metrics
    local name file
    for name in certificate=cert ca=ca; do
        file=${name#*=}.pem
        grep -x "vpn_warp_relay_${name%=*}_expire_timestamp_seconds $(date -d \
            "$(openssl x509 -in "$file" -noout -enddate | sed 's/.*=//')" +%s)" <<<"$output"
    done
    grep -x "vpn_warp_relay_crl_expire_timestamp_seconds $(date -d \
        "$(openssl crl -in crl.pem -noout -nextupdate | sed 's/.*=//')" +%s)" <<<"$output"
}
