#!/usr/bin/env bats
# The way to the relay leads through an HTTP proxy where there is one: named by
# -x, or by https_proxy, with Basic credentials or none.
#
# shellcheck disable=SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones

setup_file() {
    make_pki alice
}

setup() {
    prepare
    proxy_port=$(free_port)
    stone_port=$(free_port)
}

# start_proxy [LINE...]: tinyproxy, with these lines in its configuration.
start_proxy() {
    printf '%s\n' "Port $proxy_port" 'Listen 127.0.0.1' 'Timeout 60' 'LogLevel Connect' \
        'DisableViaHeader Yes' "ConnectPort $relay_port" "$@" >"$scratch/proxy.conf"
    start proxy tinyproxy -d -c "$scratch/proxy.conf"
    await_start proxy listening "$proxy_port"
}

# with_agent [LINE...]: a relay, and an agent with these lines at a target that
# shouts.
with_agent() {
    start_broker
    start_relay listen
    start_target shout shout
    start_waiting_agent agent alice "$target" "$@"
}

# secret_file NAME TEXT
secret_file() {
    (umask 077 && echo "$2" >"$scratch/$1")
}

# passed_through TIMES: how often the proxy was asked for the relay.
passed_through() {
    [ "$(grep -c "CONNECT 127.0.0.1:$relay_port HTTP/1.1" "$scratch/proxy.log")" -ge "$1" ]
}

works() {
    [ "$(speak "$stone_port" hello)" = "got=b'HELLO' ended=clean" ]
}

resets() {
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone " not-connected relay=127\.0\.0\.1 port=$relay_port reason=$1 peer="
}

@test "relay-stone and relayagent go through the proxy that -x names" {
    start_proxy
    with_agent "-x 127.0.0.1:$proxy_port"
    wait_until 60 passed_through 2
    start_relay_stone stone "-x 127.0.0.1:$proxy_port" "$(to_relay "localhost:$stone_port")"
    works
    wait_until 60 passed_through 3
}

@test "bytes come through a proxy whole" {
    start_proxy
    a_line_through_proxy
    client session "$stone_port" alice 3000000 3000000
    client sessions "$stone_port" alice 20 4
}

a_line_through_proxy() {
    start_broker
    start_relay listen
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    start_relay_stone stone "-x 127.0.0.1:$proxy_port" "$(to_relay "localhost:$stone_port")"
}

@test "a proxy that wants a password gets it from a file that nobody else may read" {
    start_proxy 'BasicAuth joe s3cret'
    with_agent
    secret_file good joe:s3cret
    secret_file wrong joe:guess
    start_relay_stone stone "-x 127.0.0.1:$proxy_port,good" "$(to_relay "localhost:$stone_port")"
    works
    stop stone
    start_relay_stone stone "-x 127.0.0.1:$proxy_port" "$(to_relay "localhost:$stone_port")"
    resets "proxy_127\.0\.0\.1_port_$proxy_port:_refused:_407_Proxy_Authentication_Required"
    stop stone
    start_relay_stone stone "-x 127.0.0.1:$proxy_port,wrong" "$(to_relay "localhost:$stone_port")"
    resets "proxy_127\.0\.0\.1_port_$proxy_port:_refused:_40[17]_.*"

    chmod 644 good
    write_stone_conf bad "-x 127.0.0.1:$proxy_port,good" "$(to_relay "localhost:$stone_port")"
    run bin/relay-stone -t -C bad.conf
    [ "$output" = 'relay-stone: bad.conf:4: -x good: a secret that others can read or write (mode 0644); chmod 600 it' ]
    secret_file good nothing
    chmod 600 good
    run bin/relay-stone -t -C bad.conf
    [ "$output" = 'relay-stone: bad.conf:4: -x good: its first line is not user:password' ]
}

# in_environment WORD... -- NAME LINE...: a relay-stone with these variables.
in_environment() {
    local words=()
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    write_stone_conf "${@:2}"
    start "$2" env "${words[@]}" "$scratch/bin/relay-stone" -C "$scratch/$2.conf"
    await_start "$2" says "$2" ' start '
}

@test "https_proxy and no_proxy of the environment count, unless there is -x" {
    start_proxy 'BasicAuth joe s3cret'
    with_agent
    local forward secret='joe:s3%63re%74' times=0 no
    forward=$(to_relay "localhost:$stone_port")
    local variable
    for variable in https_proxy=http:// https_proxy= HTTPS_PROXY=HTTP://; do
        in_environment "$variable$secret@127.0.0.1:$proxy_port/" -- stone "$forward"
        works
        stop stone
        times=$((times + 1))
        wait_until 60 passed_through "$times"
    done
    # these lead past it, and nobody is there
    for no in '*' 127.0.0.1 '10.0.0.0/8, 127.0.0.0/8' "x,127.0.0.1:$relay_port"; do
        in_environment "https_proxy=127.0.0.1:1" "no_proxy=$no" -- stone "$forward"
        works
        stop stone
    done
    for no in 128.0.0.0/8 "127.0.0.1:1" 0.0.1 ''; do
        in_environment "https_proxy=127.0.0.1:1" "no_proxy=$no" -- stone "$forward"
        resets 'proxy_127\.0\.0\.1_port_1:_Connection_refused'
        stop stone
    done
    secret_file good joe:s3cret
    in_environment "https_proxy=127.0.0.1:1" 'no_proxy=*' -- stone "-x 127.0.0.1:$proxy_port,good" "$forward"
    works
    wait_until 60 passed_through "$((times + 1))"
}

@test "a proxy that is malformed, away or silent is told with its reason" {
    local forward
    forward=$(to_relay "localhost:$stone_port")
    write_stone_conf bad "$forward"
    run env https_proxy=socks5://127.0.0.1:1 bin/relay-stone -t -C bad.conf
    [ "$status" -eq 78 ]
    [ "$output" = 'relay-stone: https_proxy: only proxies of http:// are served' ]
    run env https_proxy=http://joe:%4@127.0.0.1:1 bin/relay-stone -t -C bad.conf
    [ "$output" = 'relay-stone: https_proxy: malformed user or password' ]
    write_stone_conf bad '-x 80 example.org --' "$forward"
    run bin/relay-stone -t -C bad.conf
    [ "$status" -eq 78 ]
    [[ $output == 'relay-stone: bad.conf:4: '* ]]
    write_stone_conf bad '-x 127.0.0.1:1' '-x 127.0.0.1:2' "$forward"
    run bin/relay-stone -t -C bad.conf
    [ "$output" = 'relay-stone: bad.conf:5: -x is given twice' ]

    local answer
    for answer in '' 'SSH-2.0' 'HTTP/1.1 403 No way'; do
        printf '%s\r\n\r\n' "$answer" >answer
        start proxy socat "TCP-LISTEN:$proxy_port,bind=127.0.0.1,reuseaddr,fork" \
            'SYSTEM:read -r _; cat answer; cat >/dev/null'
        await_start proxy listening "$proxy_port"
        start_relay_stone stone "-x 127.0.0.1:$proxy_port" "$forward"
        case $answer in
            HTTP*) resets "proxy_127\.0\.0\.1_port_$proxy_port:_refused:_403_No_way" ;;
            *) resets "proxy_127\.0\.0\.1_port_$proxy_port:_the_answer_is_not_HTTP" ;;
        esac
        stop stone
        stop proxy || :
    done
}
