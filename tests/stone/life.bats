#!/usr/bin/env bats
# relay-stone as a program: signals, a daemon, under xinetd, with real services.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones

setup_file() {
    make_pki alice bob
}

# ---- its life ----

@test "SIGTERM lets sessions end and takes no new ones; a second ends them with an error" {
    with_relay
    a_line alice
    start_client client session "$stone_port" alice "$scratch/flow"
    wait_until 60 [ -e flow.reached ]
    kill -TERM "$(pid_of stone)"
    wait_until 60 says stone ' draining sessions=1$'
    [ "$(speak "$stone_port")" = "got=b'' ended=refused" ]
    running stone
    : >flow.passed
    ended_whole client
    await_end stone
    says stone ' stop$'

    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    start_client client session "$stone_port" alice "$scratch/flow2"
    wait_until 60 [ -e flow2.reached ]
    kill -TERM "$(pid_of stone)"
    wait_until 60 says stone ' draining '
    stop stone TERM
    fails await_end client
    [[ $(cat client.log) == *'error at='* ]]
}

@test "SIGUSR2 ends it at once and no session, and the next one listens there" {
    with_relay
    a_line alice
    start_client client session "$stone_port" alice "$scratch/flow"
    wait_until 60 [ -e flow.reached ]
    stop stone USR2
    says stone ' leaving sessions=1$'
    not listening "$stone_port"
    start_relay_stone stone "$(to_relay "localhost:$stone_port")"
    start_client next session "$stone_port" alice "$scratch/flow2"
    wait_until 60 [ -e flow2.reached ]
    : >flow.passed
    ended_whole client
    : >flow2.passed
    ended_whole next
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
    wait_until 60 says stone " reload-failed error=$scratch/stone.conf:7:_not_served:_-q_nonsense$"
    [ "$(speak "$old" a)" = "got=b'yes' ended=clean" ]

    write_stone_conf stone "$(to_false "$new")" "$(to_false "127.0.0.1:$false_port")"
    kill -HUP "$(pid_of stone)"
    wait_until 60 says stone " reload-failed error=$scratch/stone.conf:5:_cannot_listen_on_127.0.0.1:$false_port:_Address_already_in_use$"
    [ "$(speak "$old" a)" = "got=b'yes' ended=clean" ]
    [ "$(speak "$new" a)" = "got=b'' ended=refused" ]

    write_stone_conf stone "$(to_false "$kept")" "$(to_false "$new")"
    kill -HUP "$(pid_of stone)"
    wait_until 60 says stone ' reloaded forwards=2$'
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
    wait_until 60 listening "$stone_port"
    [ "$(speak "$stone_port" a)" = "got=b'yes' ended=clean" ]
    pgrep -f "$scratch/bin/relay-stone -D" >stone.pid
    grep -F "relay-stone[$(pid_of stone)]: start version=" "$SYSLOG_FILE"
    kill -HUP "$(pid_of stone)"
    wait_until 60 grep -F "relay-stone[$(pid_of stone)]: reloaded forwards=1" "$SYSLOG_FILE"
    kill "$(pid_of stone)"
    wait_until 60 grep -F "relay-stone[$(pid_of stone)]: stop" "$SYSLOG_FILE"
}

# ---- under xinetd ----

# start_local_xinetd: the drop-in that is installed, with this test's paths,
# user and port.
start_local_xinetd() {
    sed -e "s,@bindir@,$scratch/bin,; s,@stone_user@,$relay_user,; /disable/s/yes/no/" \
        -e "s,@sysconfdir@/vpn-warp/stone.conf,$scratch/stone.conf," \
        -e "/^[[:space:]]*port/s/8080/$stone_port/" ${BUILT:+-e /rlimit_as/d} \
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
    wait_until 60 grep -E 'relay-stone\[[0-9]+\]: refused status=503 ' "$SYSLOG_FILE"
    echo '-q nonsense' >>stone.conf
    [[ $(speak "$stone_port" hello) == "got=b'' ended="* ]]
    wait_until 60 grep -F "$scratch/stone.conf:5: not served: -q nonsense" "$SYSLOG_FILE"
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

# ---- standard input and output ----

@test "--stdio carries standard input and output, be they pipes, files or a socket" {
    with_relay
    start_target shout shout
    start_waiting_agent agent alice "$target"
    # where it listens, and whom it serves, does not count
    write_stone_conf stone "$(to_relay 1 '!' 127.0.0.1)"
    stdio="timeout 60 bin/relay-stone --stdio -C stone.conf"
    # an end, and what comes behind it
    run -0 bash -c "printf hello | $stdio | cat"
    [ "$output" = HELLO ]
    head -c 3000000 /dev/urandom | base64 >sent
    tr '[:lower:]' '[:upper:]' <sent >want
    $stdio <sent >got
    cmp got want
    # shellcheck disable=SC2002 # a pipe, at each end
    cat sent | $stdio | cmp - want
    socat -t 30 - EXEC:"$stdio" <sent 3>&- | cmp - want
}

@test "--stdio fails with a word and without a byte where the relay refuses" {
    with_relay 'match_timeout = 1'
    write_stone_conf stone "$(to_relay 1)"
    run -75 --separate-stderr timeout 60 bin/relay-stone --stdio -C stone.conf </dev/null
    [ "$output" = '' ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == *'refused status=503 '* ]]
}

@test "--stdio fails where the session breaks, and where nobody reads any more" {
    with_relay
    start_target resets resets 1000
    start_waiting_agent agent alice "$target"
    write_stone_conf stone "$(to_relay 1)"
    # an input that does not end
    mkfifo input
    exec 9<>input
    run -75 timeout 60 bin/relay-stone --stdio -C stone.conf <input 9>&-
    stop agent
    start_target much ends-first 100000000
    start_waiting_agent agent alice "$target"
    run bash -c 'timeout 60 bin/relay-stone --stdio -C stone.conf <input 9>&- | head -c 100000 | wc -c
        echo "${PIPESTATUS[0]}"'
    exec 9>&-
    [ "${lines[0]}" -eq 100000 ]
    [ "${lines[1]}" -eq 75 ]
}

@test "--stdio serves one forward, and is for the command line alone" {
    write_stone_conf bad "$(to_relay 8080)" "$(to_relay 8081)"
    run -78 bin/relay-stone --stdio -C bad.conf </dev/null
    [ "$output" = 'relay-stone: --stdio: more than one forward' ]
    write_stone_conf bad --stdio "$(to_relay 8080)"
    run -78 bin/relay-stone -C bad.conf
    [[ $output == *'bad.conf:4: not served: --stdio' ]]
    run -78 bin/relay-stone --inetd --stdio -C bad.conf </dev/null
    [[ $output == *': --inetd and --stdio exclude each other' ]]
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
    timeout 300 rsync -a --checksum -e "$ssh" tree/ "127.0.0.1:$scratch/copy/" 3>&-
    diff -r tree copy
}
