#!/usr/bin/env bats
# relay-stone does what Debian's stone does on the article's configuration, and
# besides verifies the relay, and lets no client take a failure for an end.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load helpers
load clients
load stones

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
}

teardown() {
    end_all
}

with_relay() {
    [ $# -eq 0 ] || configure "$@"
    start_broker
    start_relay listen
}

# fails COMMAND...
fails() {
    run "$@"
    [ "$status" -ne 0 ]
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
    wait_until 10 listening "$stone_port"
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
    wait_until 10 [ "$(grep -cx 'took 300000' ends-first.log)" -eq 2 ]
}

@test "a client that ends first gets all that still comes" {
    with_relay
    start_target ends-last ends-last 100000
    start_waiting_agent agent alice "$target"
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    [ "$(client ends-first "$stone_port" 300000)" = 'took 100000' ]
    wait_until 10 says ends-last '^took 300000$'
}

@test "megabytes come through whole, both ways at once and many at a time" {
    with_relay
    a_line alice
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
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
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
    local name port
    for name in theirs ours; do
        port=$(free_port)
        write_stone_conf "$name" "127.0.0.1:$false_port/ssl,http localhost:$port $1 --"
        if [ "$name" = theirs ]; then
            start theirs stone -n -r -C theirs.conf
            wait_until 10 listening "$port"
        else
            start ours "$scratch/bin/relay-stone" -C ours.conf
            await_start ours listening "$port"
        fi
        [ "$(speak --open 3 "$port" 'ab\r\ncd')" = "got=b'yes' ended=clean" ]
        wait_until 10 got_lines "$name"
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
    wait_until 10 [ "$(wc -l <false.log)" -eq 3 ]
    cat false.log
    grep -E "got=b'GET /127\.0\.0\.1 127\.0\.0\.1:[0-9]+\\\\r" false.log
    grep -E "got=b'GET /::1 \[::1\]:[0-9]+\\\\r" false.log
    grep -F "got=b'GET /unknown\\r" false.log
}

# ---- refusals ----

# refused STATUS REASON: the client gets a reset and not a byte, the log why.
refused() {
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 10 says stone " refused status=$1 reason=$2[^ ]* peer=127\.0\.0\.1:[0-9]+$"
}

@test "each refusal is logged with the relay's reason, and resets the client" {
    with_relay 'match_timeout = 1'
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    refused 503 No_agent_is_there_for_this_certificate
    # the agent's own
    start_target full full
    stop full || :
    start_waiting_agent agent alice "$target"
    refused 502 Target_unreachable
}

@test "429, 403 and any other refusal are treated alike, whatever comes behind them" {
    local status
    for status in '429 Too Many Sessions' '403 Expired' '302 Found' '500 Oops' '100 Continue'; do
        start_false_relay false "HTTP/1.1 $status\r\nX-Reason: the reason\r\n\r\nbody"
        stone_port=$(free_port)
        start_relay_stone stone "$(to_false "localhost:$stone_port")"
        refused "${status%% *}" the_reason
        stop stone
        stop false || :
    done
}

@test "an answer that is none, is too long or does not come, resets the client" {
    local why
    huge=$(printf 'X: %s\\r\\n' "$(head -c 9000 /dev/zero | tr '\0' x)")
    for why in 'SSH-2.0-x\r\n' "HTTP/1.1 200 OK\r\n$huge"; do
        start_false_relay false "$why"
        stone_port=$(free_port)
        start_relay_stone stone "$(to_false "localhost:$stone_port")"
        [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
        wait_until 10 says stone ' not-connected .*reason=the_answer_is_not_HTTP '
        stop stone
        stop false || :
    done
    start_false_relay false 'HTTP/1.1 200' cut
    start_relay_stone stone "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 10 says stone ' not-connected .*reason=the_relay_closed_the_connection;_its_log_says_why '
}

@test "a session that breaks is a reset to the client, never an end" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nsome' - - cut
    stone_port=$(free_port)
    start_relay_stone stone "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" hello)" = "got=b'some' ended=reset" ]
    wait_until 10 says stone ' session .*reason=relay-error '
    # its own process is killed
    with_relay
    stop stone
    a_line alice
    start_client client session "$stone_port" alice "$scratch/flow"
    wait_until 20 [ -e flow.reached ]
    pkill -KILL -P "$(pid_of stone)"
    fails await_end client
    [[ $(cat client.log) == *'error at='*'reset'* ]]
    wait_until 10 says stone ' session-killed .*signal=9$'
}

@test "a client that resets is an error at the target" {
    with_relay
    a_line alice
    [ "$(speak --reset 10 "$stone_port" '\x00\x00\x00\x07alice -')" = "got=b'\x00\x00\x00\x05alice\x00' ended=clean" ]
    wait_until 10 says target-alice '^error '
    wait_until 10 says stone ' session .*reason=client-error '
}

@test "a relay that is not there resets the client, and the log says why" {
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 10 says stone " not-connected relay=127\.0\.0\.1 port=$relay_port reason=127\.0\.0\.1_port_${relay_port}:_Connection_refused peer="
}

# ---- whom it trusts ----

@test "a relay of another authority, or of another name, is refused" {
    "$built/relay-ca" -d "$scratch/other" init >/dev/null
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    stone_port=$(free_port)
    start_relay_stone stone "-q CAfile=$scratch/other/ca.pem" "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 10 says stone ' not-connected .*reason=(unable_to_get_local_issuer_certificate|self-signed_certificate_in_certificate_chain) '
    stop stone
    # without a CAfile the system's authorities count
    printf '%s\n' "-q key=alice/private.pem" "-q cert=alice/cert.pem" \
        "$(to_false "localhost:$stone_port")" >system.conf
    start stone bin/relay-stone -C system.conf
    await_start stone listening "$stone_port"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 10 says stone ' not-connected .*reason=(unable_to_get_local_issuer_certificate|self-signed_certificate_in_certificate_chain) '
    stop stone
    # 127.0.0.2 is not in the certificate
    stone_port=$(free_port)
    start_relay_stone stone "-q servername=127.0.0.2" "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 10 says stone ' not-connected .*reason=IP_address_mismatch '
    stop stone
    start_relay_stone stone "-q servername=relay.example.org" "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" secret)" = "got=b'' ended=reset" ]
    wait_until 10 says stone ' not-connected .*reason=hostname_mismatch '
    [ "$(grep -c got= false.log)" -eq 0 ]
}

@test "servername= is the name that is asked for and checked; CApath= is a folder of authorities" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    mkdir folder
    cp ca.pem folder
    openssl rehash folder
    stone_port=$(free_port)
    start_relay_stone stone '-q default' '-q certkey=both.pem' '-q CApath=folder' \
        '-q sni' '-q servername=localhost' '-q verify' "$(to_false "localhost:$stone_port")" || :
    says stone 'both.pem: No such file'
    cat alice/private.pem alice/cert.pem >both.pem
    chmod 600 both.pem
    start_relay_stone stone '-q default' '-q certkey=both.pem' '-q CApath=folder' \
        '-q sni' '-q servername=localhost' '-q verify' "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" a)" = "got=b'yes' ended=clean" ]
    wait_until 10 says false '^sni=localhost '
}

@test "a key with a passphrase needs passfile=, which nobody else may read" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    stone_port=$(free_port)
    (
        umask 077
        openssl pkey -in alice/private.pem -aes256 -passout pass:sesame -out locked.pem
        echo sesame >pass
        echo wrong >wrong
    )
    start_relay_stone stone '-q key=locked.pem' '-q passfile=pass' "$(to_false "localhost:$stone_port")"
    [ "$(speak "$stone_port" a)" = "got=b'yes' ended=clean" ]
    write_stone_conf bad '-q key=locked.pem' "$(to_false "localhost:$stone_port")"
    fails_with 'bad.conf:5: locked.pem: no private key without a passphrase in it'
    write_stone_conf bad '-q key=locked.pem' '-q passfile=wrong' "$(to_false "localhost:$stone_port")"
    fails_with 'bad.conf:6: locked.pem: no private key that the passphrase opens in it'
    chmod 644 pass
    write_stone_conf bad '-q key=locked.pem' '-q passfile=pass' "$(to_false "localhost:$stone_port")"
    fails_with 'bad.conf:6: pass: a secret that others can read or write (mode 0644); chmod 600 it'
}

# fails_with REASON: -t of bad.conf says so, and nothing else.
fails_with() {
    run --separate-stderr "$scratch/bin/relay-stone" -t -C bad.conf
    echo "$stderr"
    [ "$status" -eq 78 ]
    [ "$stderr" = "relay-stone: $1" ]
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
    wait_until 10 says stone ' denied peer=127\.0\.0\.9:[0-9]+$'
}

# ---- its life ----

@test "SIGTERM lets sessions end and takes no new ones; a second ends them with an error" {
    with_relay
    a_line alice
    start_client client session "$stone_port" alice "$scratch/flow"
    wait_until 20 [ -e flow.reached ]
    kill -TERM "$(pid_of stone)"
    wait_until 10 says stone ' draining sessions=1$'
    [ "$(speak "$stone_port")" = "got=b'' ended=refused" ]
    running stone
    : >flow.passed
    ended_whole client
    await_end stone
    says stone ' stop$'

    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    start_client client session "$stone_port" alice "$scratch/flow2"
    wait_until 20 [ -e flow2.reached ]
    kill -TERM "$(pid_of stone)"
    wait_until 10 says stone ' draining '
    stop stone TERM
    fails await_end client
    [[ $(cat client.log) == *'error at='* ]]
}

@test "SIGHUP reads all again; what is wrong is said, and the old stays" {
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    local old new kept=$scratch/kept.sock gone=$scratch/gone.sock
    old=$(free_port)
    new=$(free_port)
    start_relay_stone stone "$(to_false "$old")" "$(to_false "$kept")" "$(to_false "$gone")"
    inode=$(stat -c %i "$kept")

    echo '-q nonsense' >>stone.conf
    kill -HUP "$(pid_of stone)"
    wait_until 10 says stone " reload-failed error=$scratch/stone.conf:7:_not_served:_-q_nonsense$"
    [ "$(speak "$old" a)" = "got=b'yes' ended=clean" ]

    write_stone_conf stone "$(to_false "$new")" "$(to_false "127.0.0.1:$false_port")"
    kill -HUP "$(pid_of stone)"
    wait_until 10 says stone " reload-failed error=$scratch/stone.conf:5:_cannot_listen_on_127.0.0.1:$false_port:_Address_already_in_use$"
    [ "$(speak "$old" a)" = "got=b'yes' ended=clean" ]
    [ "$(speak "$new" a)" = "got=b'' ended=refused" ]

    write_stone_conf stone "$(to_false "$kept")" "$(to_false "$new")"
    kill -HUP "$(pid_of stone)"
    wait_until 10 says stone ' reloaded forwards=2$'
    [ "$(speak "$new" a)" = "got=b'yes' ended=clean" ]
    [ "$(speak "$kept" a)" = "got=b'yes' ended=clean" ]
    [ "$(stat -c %i "$kept")" = "$inode" ]
    [ "$(speak "$old" a)" = "got=b'' ended=refused" ]
    [ ! -e "$gone" ]
}

@test "as a daemon it goes to the background, logs to the syslog, and finds its files again" {
    [ -n "$SYSLOG_FILE" ] || skip 'needs root, and no other syslog daemon'
    start_false_relay false 'HTTP/1.1 200 OK\r\n\r\nyes'
    stone_port=$(free_port)
    printf '%s\n' '-q key=private.pem' '-q cert=cert.pem' '-q CAfile=../ca.pem' \
        "$(to_false "localhost:$stone_port")" >alice/stone.conf
    (cd alice && "$scratch/bin/relay-stone" -D -C stone.conf)
    wait_until 10 listening "$stone_port"
    [ "$(speak "$stone_port" a)" = "got=b'yes' ended=clean" ]
    pgrep -f "$scratch/bin/relay-stone -D" >stone.pid
    grep -F "relay-stone[$(pid_of stone)]: start version=" "$SYSLOG_FILE"
    kill -HUP "$(pid_of stone)"
    wait_until 10 grep -F "relay-stone[$(pid_of stone)]: reloaded forwards=1" "$SYSLOG_FILE"
    kill "$(pid_of stone)"
    wait_until 10 grep -F "relay-stone[$(pid_of stone)]: stop" "$SYSLOG_FILE"
}

@test "a key that others can read is refused, and so is one of another certificate" {
    write_stone_conf bad "$(to_relay 8080)"
    chmod 640 alice/private.pem
    fails_with "bad.conf:4: $scratch/alice/private.pem: a key that others can read or write (mode 0640); chmod 600 it"
    chmod 600 alice/private.pem
    write_stone_conf bad '-q key=bob/private.pem' "$(to_relay 8080)"
    fails_with "bad.conf:5: key=bob/private.pem is not that of cert=$scratch/alice/cert.pem"
}

# ---- under xinetd ----

# start_local_xinetd: the drop-in that is installed, with this test's paths,
# user and port.
start_local_xinetd() {
    sed -e "s,@bindir@,$scratch/bin,; s,@user@,$relay_user,; /disable/s/yes/no/" \
        -e "s,@sysconfdir@/vpn-warp/stone.conf,$scratch/stone.conf," \
        -e "/^[[:space:]]*port/s/8080/$stone_port/" \
        "$tests/../xinetd.d/relay-stone" >"$scratch/local.conf"
    start local unprivileged xinetd -dontfork -f "$scratch/local.conf" \
        -pidfile "$scratch/local-xinetd.pid" -filelog "$scratch/local-xinetd.log"
    await_start local listening "$stone_port"
}

@test "xinetd starts it for each connection, with the drop-in that is installed" {
    [ -n "$SYSLOG_FILE" ] || skip 'needs root, and no other syslog daemon'
    with_relay 'match_timeout = 1'
    start_target shout shout
    start_waiting_agent agent alice "$target"
    stone_port=$(free_port)
    write_stone_conf stone "$(to_relay 8080)"
    give alice stone.conf
    start_local_xinetd
    [ "$(speak "$stone_port" hello)" = "got=b'HELLO' ended=clean" ]
    head -c 3000000 /dev/urandom | base64 >sent
    socat -t 30 - "TCP:127.0.0.1:$stone_port" <sent >got 3>&-
    tr '[:lower:]' '[:upper:]' <sent | cmp - got
    # a refusal, and a bad file, leave the client without a byte
    stop agent
    [ "$(speak "$stone_port" hello)" = "got=b'' ended=reset" ]
    wait_until 10 grep -E 'relay-stone\[[0-9]+\]: refused status=503 ' "$SYSLOG_FILE"
    echo '-q nonsense' >>stone.conf
    [[ $(speak "$stone_port" hello) == "got=b'' ended="* ]]
    wait_until 10 grep -F "$scratch/stone.conf:5: not served: -q nonsense" "$SYSLOG_FILE"
}

@test "--inetd serves one forward, from a socket" {
    write_stone_conf bad "$(to_relay 8080)" "$(to_relay 8081)"
    run bin/relay-stone --inetd -C bad.conf </dev/null
    [ "$status" -eq 78 ]
    [ "$output" = 'relay-stone: --inetd: more than one forward' ]
    write_stone_conf bad "$(to_relay 8080)"
    run bin/relay-stone --inetd -C bad.conf </dev/null
    [ "$status" -eq 64 ]
    [ "$output" = 'relay-stone: fd 0 is no socket: start it from xinetd (see relay-stone(1))' ]
}

# ---- services ----

@test "redis, and rsync over ssh, work through it" {
    with_relay
    redis_port=$(free_port)
    start redis redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --dir "$scratch"
    await_start redis listening "$redis_port"
    start_waiting_agent agent alice "127.0.0.1:$redis_port"
    stone_port=$(free_port)
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    [ "$(redis-cli -p "$stone_port" ping)" = PONG ]
    seq 5000 | sed 's/.*/SET key& value&/' | redis-cli -p "$stone_port" --pipe | grep 'errors: 0, replies: 5000'
    [ "$(redis-cli -p "$stone_port" get key4711)" = value4711 ]
    stop agent

    is_root || skip 'sshd: needs root'
    mkdir -p /run/sshd tree
    ssh-keygen -q -t ed25519 -N '' -f host
    ssh-keygen -q -t ed25519 -N '' -f user
    sshd_port=$(free_port)
    start sshd /usr/sbin/sshd -D -e -f /dev/null -h "$scratch/host" -p "$sshd_port" \
        -o ListenAddress=127.0.0.1 -o "AuthorizedKeysFile=$scratch/user.pub" -o StrictModes=no \
        -o PidFile=none
    await_start sshd listening "$sshd_port"
    start_waiting_agent agent-ssh alice "127.0.0.1:$sshd_port"
    for i in {1..200}; do head -c "$((RANDOM * 4))" /dev/urandom >"tree/$i"; done
    ssh="ssh -q -F none -p $stone_port -i $scratch/user -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    timeout 60 rsync -a --checksum -e "$ssh" tree/ "127.0.0.1:$scratch/copy/" 3>&-
    diff -r tree copy
}
