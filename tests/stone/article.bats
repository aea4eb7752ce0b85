#!/usr/bin/env bats
# relay-stone does what Debian's stone does on the article's configuration, and
# besides verifies the relay, and lets no client take a failure for an end.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones

setup_file() {
    make_pki alice bob
}

# ---- as stone ----

# both_stones: Debian's on $stone_port and ours on $ours_port, set up by the
# very same file with the article's lines, in the certificate's folder.
both_stones() {
    stone_port=$(free_port)
    ours_port=$(free_port)
    local name port
    for name in theirs ours; do
        port=$stone_port
        [ "$name" = theirs ] || port=$ours_port
        printf '%s\n' '-q key=private.pem' '-q cert=cert.pem' \
            "127.0.0.1:$relay_port/ssl,http localhost:$port \"GET / HTTP/1.1\" --" \
            >"$scratch/alice/$name.conf"
    done
    start theirs in_folder alice stone -r -C theirs.conf
    # the one thing that stone does without: whom to trust
    start ours in_folder alice "$scratch/bin/relay-stone" -q CAfile=../ca.pem -C ours.conf
    wait_until 60 listening "$stone_port"
    await_start ours listening "$ours_port"
}

# same_from_both COMMAND...: with a port as last word, it prints the same
# through both.
same_from_both() {
    theirs=$("$@" "$stone_port")
    ours=$("$@" "$ours_port")
    echo "stone: $theirs"
    echo "relay-stone: $ours"
    [ "$theirs" = "$ours" ]
}

@test "the article's configuration works unchanged, as with Debian's stone" {
    with_relay
    start_target shout shout
    start_waiting_agent agent alice "$target"
    both_stones
    # stone cannot read on once its client has ended its direction
    speaks() { speak --open "$1" "$3" "$2"; }
    same_from_both speaks 7 'abcdefg'
    [ "$ours" = "got=b'ABCDEFG' ended=clean" ]
    same_from_both speaks 27 'a\x00b\xff\r\n\r\nHTTP/1.1 200 OK\r\n\r\nc'
    same_from_both speaks 0 ''
    # curl takes a page through it
    stop shout || :
    start_target web web
    stop agent
    start_waiting_agent agent alice "$target"
    fetches() { curl -sS --max-time 20 -H 'Host: intra' "http://127.0.0.1:$1/page?x=1" -d body; }
    same_from_both fetches
    [[ $ours == *'POST /page?x=1'*body ]]
}

@test "a target that ends first ends the client, and takes what it still says, as with Debian's stone" {
    with_relay
    start_target ends-first ends-first 100000
    start_waiting_agent agent alice "$target"
    both_stones
    ends_last() { client ends-last "$1" 300000; }
    same_from_both ends_last
    [ "$ours" = 'took 100000' ]
    wait_until 60 [ "$(grep -cx 'took 300000' ends-first.log)" -eq 2 ]
}

@test "a client that ends first gets all that still comes" {
    with_relay
    start_target ends-last ends-last 100000
    start_waiting_agent agent alice "$target"
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    [ "$(client ends-first "$stone_port" 300000)" = 'took 100000' ]
    wait_until 60 says ends-last '^took 300000$'
}

@test "megabytes come through whole, both ways at once and many at a time" {
    with_relay
    a_line alice '--sessions 0'
    client session "$stone_port" alice 20000000 30000000
    client sessions "$stone_port" alice 100 8
    # an answer awaited keeps no data waiting: what is sent first is there first
    [ "$(grep -c ' session .*reason=done ' stone.log)" -eq 101 ]
}

@test "a target that speaks first is heard, and one that hears first need not wait" {
    with_relay
    start_play agent <<'SCRIPT'
agent = poll("alice")
head_of_stone(agent)
# before any answer
assert agent.read(5) == b"early", agent.got
agent.send(b"HTTP/1.1 200 OK\r\nX-More: 1")
agent.send(b"\r\n\r")
agent.send(b"\nwelcome")
assert agent.rest() == b""
agent.close()
agent = poll("alice")
head_of_stone(agent)
agent.send(OK + b"220 ready")
assert agent.read(4) == b"EHLO"
assert agent.rest() == b""
agent.close()
SCRIPT
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 0' '-q seal=off' "$(to_relay "localhost:$stone_port")"
    [ "$(speak "$stone_port" early)" = "got=b'welcome' ended=clean" ]
    [ "$(speak --late "$stone_port" EHLO)" = "got=b'220 ready' ended=clean" ]
    ended_well agent
}

@test "the relay gets the same bytes as from Debian's stone" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    local request
    for request in '"GET / HTTP/1.1"' "'GET / HTTP/1.1'" \
        '"GET /"'"' HTTP'/1.1" '"GET / HTTP/1.1\r\nX-Service: db"' \
        "'GET / HTTP/1.1\\r\\nX-Tab: \\t\\\\\\q'" '"GET / HTTP/1.1\nX: \\a \\\\"' \
        $'"GET / HTTP/1.1\nX: lines"' '/* where to */ "GET / /* no comment */"' \
        $'"GET /" /* of\ntwo lines */ 127.0.0.1' '"GET / \#\$HOME"'; do
        echo "# $request"
        both_with "$request"
        stone_says=$(tail -n 2 false.log | head -n 1)
        we_say=$(tail -n 1 false.log)
        echo "$stone_says"
        echo "$we_say"
        [ "${stone_says#*got=}" = "${we_say#*got=}" ]
    done
}

# both_with REQUEST: a connection through either with that request.
both_with() {
    local name port words=()
    for name in theirs ours; do
        port=$(free_port)
        [ "$name" = theirs ] || words=('--sessions 0' '-q seal=off')
        write_stone_conf "$name" "${words[@]}" "127.0.0.1:$false_port/ssl,http localhost:$port $1 --"
        if [ "$name" = theirs ]; then
            start theirs stone -n -r -C theirs.conf
            wait_until 60 listening "$port"
        else
            start ours "$scratch/bin/relay-stone" -C ours.conf
            await_start ours listening "$port"
        fi
        [ "$(speak --open 3 "$port" 'ab\r\ncd')" = "got=b'yes' ended=clean" ]
        wait_until 60 got_lines "$name"
        stop "$name" || :
    done
}

# got_lines theirs|ours: whether the false relay has told of that one.
got_lines() {
    local parity=1
    [ "$1" = theirs ] || parity=0
    [ $(($(wc -l <"$scratch/false.log") % 2)) -eq "$parity" ]
}

@test "\\a and \\A in a request are the client's address" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\n'
    local port6 socket=$scratch/listen.sock
    stone_port=$(free_port)
    port6=$(free_port)
    # written with one backslash in double quotes too, where stone drops it
    start_relay_stone stone \
        "127.0.0.1:$false_port/ssl,http localhost:$stone_port \"GET /\a \\\\A\" --" \
        "127.0.0.1:$false_port/ssl,http [::1]:$port6 'GET /\a \A' --" \
        "127.0.0.1:$false_port/ssl,http $socket 'GET /\a' --"
    speak "$stone_port"
    speak "[::1]:$port6"
    speak "$socket"
    wait_until 60 [ "$(wc -l <false.log)" -eq 3 ]
    cat false.log
    grep -E "got=b'GET /127\.0\.0\.1 127\.0\.0\.1:[0-9]+\\\\r" false.log
    grep -E "got=b'GET /::1 \[::1\]:[0-9]+\\\\r" false.log
    grep -F "got=b'GET /unknown\\r" false.log
}

# ---- where it listens, and for whom ----

@test "it listens on a port, an address, IPv6 and a Unix socket; several forwards keep apart" {
    configure "listen = [::1]:$relay_port"
    with_relay
    start_target first shout
    start_waiting_agent agent-alice alice "$target"
    start_target second whole bob
    start_waiting_agent agent-bob bob "$target"
    local ports=() socket=$scratch/listen.sock i
    for i in 0 1 2 3; do ports[i]=$(free_port); done
    start_relay_stone stone "$(to_relay "${ports[0]}")" \
        "$(to_relay "::1:${ports[1]}/v6")" "$(to_relay "${ports[2]}/v6")" "$(to_relay "$socket")" \
        "[::1]:$relay_port/ssl,http ${ports[3]}/v6only \"GET / HTTP/1.1\" --" \
        '-q default' "-q key=bob/private.pem" "-q cert=bob/cert.pem" '-q CAfile=ca.pem' \
        "$(to_relay "localhost:$((ports[0] + 1))")"
    local place
    for place in "${ports[0]}" "127.0.0.5:${ports[0]}" "[::1]:${ports[1]}" "${ports[2]}" \
        "[::1]:${ports[2]}" "$socket" "[::1]:${ports[3]}"; do
        echo "# $place"
        [ "$(speak "$place" hello)" = "got=b'HELLO' ended=clean" ]
    done
    for place in "[::1]:${ports[0]}" "127.0.0.1:${ports[1]}" "${ports[3]}"; do
        echo "# $place"
        [ "$(speak "$place" hello)" = "got=b'' ended=refused" ]
    done
    client session "$((ports[0] + 1))" bob 1000 1000
    # nobody else may use the Unix socket, which goes with the program
    [ "$(stat -c %a "$socket")" = 700 ]
    stop stone
    [ ! -e "$socket" ]
}

@test "a Unix socket that is left over makes place, one in use does not" {
    local socket=$scratch/listen.sock
    write_stone_conf bad "$(to_relay "$socket")"
    start_relay_stone first "$(to_relay "$socket")"
    run bin/relay-stone -C bad.conf
    [ "$status" -eq 69 ]
    [ "$output" = "relay-stone: bad.conf:4: cannot listen on $socket: Address already in use" ]
    stop first KILL || :
    [ -S "$socket" ]
    start_relay_stone second "$(to_relay "$socket")"
    running second
}

@test "allowed hosts follow the request: addresses, prefixes, names, and ! for those that are not" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    local i ports=()
    for i in {0..6}; do ports[i]=$(free_port); done
    start_relay_stone stone "$(to_false "${ports[0]}" 127.0.0.2)" \
        "$(to_false "${ports[1]}" 127.0.0.0/31 127.0.0.9)" \
        "$(to_false "${ports[2]}" ! 127.0.0.1)" \
        "$(to_false "${ports[3]}" ! 127.0.0.2 ! 127.0.0.0/255.0.0.0)" \
        "$(to_false "${ports[4]}" localhost)" \
        "$(to_false "${ports[5]}/v6" 127.0.0.1 ::1/128)" \
        "$(to_false "${ports[6]}" ! 0.0.0.0/0,v4)"
    # who, and which of the ports let him in
    local who ports_of
    while read -r who ports_of; do
        for i in {0..6}; do
            run speak --from "$who" "${ports[i]}" a
            echo "# $who to $i: $output"
            if [[ $ports_of == *$i* ]]; then
                [ "$output" = "got=b'yes' ended=clean" ]
            else
                [ "$output" = "got=b'' ended=reset" ]
            fi
        done
    done <<'TABLE'
127.0.0.1 1345
127.0.0.2 02
127.0.0.9 123
TABLE
    [ "$(speak "[::1]:${ports[5]}" a)" = "got=b'yes' ended=clean" ]
    wait_until 60 says stone ' denied peer=127\.0\.0\.9:[0-9]+$'
}
