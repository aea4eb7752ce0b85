# relay-stone, and what stands in its relay's place. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

# start_relay_stone NAME LINE...: a relay-stone with these lines in NAME.conf,
# and before them its certificate, that of $stone_name (alice).
start_relay_stone() {
    local name=$1
    shift
    write_stone_conf "$name" "$@"
    start "$name" "$scratch/bin/relay-stone" -C "$scratch/$name.conf"
    await_start "$name" says "$name" ' start '
}

# write_stone_conf NAME LINE...
write_stone_conf() {
    local folder=$scratch/${stone_name:-alice} name=$1
    shift
    printf '%s\n' "-q key=$folder/private.pem" "-q cert=$folder/cert.pem" \
        "-q CAfile=$scratch/ca.pem" "$@" >"$scratch/$name.conf"
    : >"$scratch/$name.log"
}

# to_relay LISTEN [WORD...]: the line of a forward to this test's relay.
to_relay() {
    local listen=$1
    shift
    echo "127.0.0.1:$relay_port/ssl,http $listen \"GET / HTTP/1.1\" $* --"
}

# a_line NAME [LINE...]: a relay-stone on $stone_port, with these lines, and behind
# it a target "whole" of that certificate.
a_line() {
    local name=$1 port
    shift
    start_target "target-$name" whole "$name"
    start_waiting_agent "agent-$name" "$name" "$target"
    take_port
    stone_port=$port
    stone_name=$name start_relay_stone stone "$@" "$(to_relay "localhost:$stone_port")"
}

# start_false_relay NAME ANSWER...: a TLS server on $false_port with the relay's
# certificate, which says in NAME.log what came; see false_relay.py.
start_false_relay() {
    local name=$1
    shift
    false_port=$(free_port)
    : >"$scratch/$name.log"
    start "$name" python3 -SB "$tests/lib/false_relay.py" "$false_port" "$scratch" "$@"
    await_start "$name" listening "$false_port"
}

# to_false LISTEN [WORD...]: the line of a forward to that.
to_false() {
    local listen=$1
    shift
    echo "127.0.0.1:$false_port/ssl,http $listen \"GET / HTTP/1.1\" $* --"
}

# speak [OPTION...] PORT|HOST:PORT|PATH [BYTES]: connects, sends BYTES and the
# end, and prints what came and how it ended: "got=b'...' ended=clean" (or reset,
# or refused). For its options see speak.py.
speak() {
    timeout 60 python3 -SB "$tests/lib/speak.py" "$@" 3>&-
}

# fails COMMAND...
fails() {
    run "$@"
    [ "$status" -ne 0 ]
}
