#!/usr/bin/env bats
# relay-stone with several relays: in order, and the next where one fails, has no
# agent, or does not answer.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/checks
load ../lib/clients
load ../lib/second_relay
load ../lib/stones
load ../lib/warp

setup_file() {
    make_pki alice
}

setup() {
    prepare
    configure_second
}

first() {
    start_broker
    start_relay listen
}

# second: with an agent, whose target says what came whole.
second() {
    start_second
    start_target target whole alice
    relay_port=$second_port start_waiting_agent agent alice "$target"
}

# to_both: the line of a forward to both relays.
to_both() {
    echo "127.0.0.1:$relay_port,127.0.0.1:$second_port/ssl,http localhost:$stone_port \"GET / HTTP/1.1\" --"
}

# stone [LINE...]: on $stone_port, of both.
stone() {
    take_port
    stone_port=$port
    start_relay_stone stone "$@" "$(to_both)"
}

# whole: a session is.
whole() {
    client session "$stone_port" alice 10000 20000
    not says target spoilt
}

@test "the first is used while it works, and the second asked nothing" {
    first
    start_second
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    stone
    whole
    not says relay2 ' peer='
    not says stone ' (refused|not-connected) '
}

@test "an agent at the second relay alone is reached: where the first is away, and where it says 503" {
    second
    stone '--sessions 0'
    whole
    says stone " not-connected relay=127.0.0.1 port=$relay_port reason=.*Connection_refused"
    first
    whole
    # it waits for an agent longer than the stone waits for it
    not says stone ' refused '
    sed -i '$amatch_timeout = 1' relay.conf
    stop relay
    stop broker
    first
    whole
    wait_until 60 says stone " refused status=503 reason=No_agent.* relay=127.0.0.1:$relay_port$"
}

@test "shared sessions, sealed and unsealed ones, and those that must not be, go by the second too" {
    local line
    second
    first
    for line in '--sessions 1' '-q seal=off' '-q seal=require' '--sessions 0 -q seal=off'; do
        stone "$line"
        client sessions "$stone_port" alice 3 2
        not says target spoilt
        stop stone
    done
}

@test "a relay that takes the connection and says nothing costs two seconds" {
    local begin
    second
    start silent socat "TCP4-LISTEN:$relay_port,fork,reuseaddr" 'SYSTEM:sleep 600'
    await_start silent listening "$relay_port"
    stone '--sessions 0'
    begin=$SECONDS
    whole
    [ $((SECONDS - begin)) -ge 1 ]
    says stone " not-connected relay=127.0.0.1 port=$relay_port "
}

@test "a relay that is slow, and the only one that works, is reached all the same" {
    first
    start_target target whole alice
    start_waiting_agent agent alice "$target"
    # the way to it takes longer than two seconds, once
    local slow
    take_port
    slow=$port
    start slow socat "TCP4-LISTEN:$slow,fork,reuseaddr" "SYSTEM:'sleep 3; socat - TCP\:127.0.0.1\:$relay_port'"
    await_start slow listening "$slow"
    take_port
    stone_port=$port
    start_relay_stone stone '--sessions 0' \
        "127.0.0.1:$slow,127.0.0.1:$second_port/ssl,http localhost:$stone_port \"GET / HTTP/1.1\" --"
    whole
    says stone " not-connected relay=127.0.0.1 port=$slow "
    says stone " not-connected relay=127.0.0.1 port=$second_port .*Connection_refused"
}

@test "any refusal but 503 is the last word, and 503 of all is what the client's log says" {
    local before
    start_false_relay false 'HTTP/1.1 429 Full\r\nX-Reason: All sessions are in use\r\n\r\n'
    second
    before=$(grep -c . relay2.log)
    take_port
    stone_port=$port
    start_relay_stone stone '--sessions 0' \
        "127.0.0.1:$false_port,127.0.0.1:$second_port/ssl,http localhost:$stone_port \"GET / HTTP/1.1\" --"
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    says stone ' refused status=429 '
    [ "$(grep -c . relay2.log)" -eq "$before" ]
    stop stone
    stop agent
    configure 'match_timeout = 1'
    first
    stone '--sessions 0'
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 60 says stone " refused status=503 .* relay=127.0.0.1:$relay_port$"
    wait_until 60 says stone " refused status=503 .* relay=127.0.0.1:$second_port$"
}

@test "the backup that -b names, as in Debian's stone, is the next relay" {
    second
    take_port
    stone_port=$port
    start_relay_stone stone "-b 10 127.0.0.1:$relay_port 127.0.0.1:$second_port" '--sessions 0' \
        "$(to_relay "localhost:$stone_port")"
    whole
    says stone " not-connected relay=127.0.0.1 port=$relay_port "
}

@test "a .warp file with several relays leads to all of them, and check and status name them" {
    first
    second
    warp alice alice
    sed -i "/^relay = /a relay = 127.0.0.1:$second_port" alice.warp
    take_port
    stone_port=$port
    echo "alice.warp localhost:$stone_port" >stone.conf
    : >stone.log
    start stone bin/relay-stone -C stone.conf
    await_start stone says stone ' start '
    whole
    [ "$(timeout 60 bin/relay-stone status --json -C stone.conf 3>&- | jq -r '.forwards[0].relay')" = \
        "127.0.0.1:$relay_port,127.0.0.1:$second_port" ]
    run -0 timeout 60 bin/relay-stone check -C stone.conf
    grep -E "^ok +poll .*127.0.0.1:$relay_port" <<<"$output"
    grep -E "^ok +poll .*127.0.0.1:$second_port" <<<"$output"
    grep -E '^ok +target ' <<<"$output"
}

@test "what is no place, nine relays, and a -b without three words are refused" {
    said() {
        run -78 timeout 60 bin/relay-stone -t -q key=alice/private.pem -q cert=alice/cert.pem "${@:2}"
        [[ $output == *"$1"* ]]
    }
    said 'nowhere' a:443,b:nowhere/ssl,http 8080 'GET / HTTP/1.1'
    said 'more than 8 relays' a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9/ssl,http 8080 'GET / HTTP/1.1'
    said 'not three words behind -b' -b 10 a:1
    said '-b x: not a number of seconds' -b x a:1 b:1
    said '-b ' -b 10 a b:1
}
