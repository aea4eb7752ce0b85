#!/usr/bin/env bats
# Whom the relay turned away, and why: relayctl recent.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator

setup_file() {
    make_pki alice bob
    "$built/relay-ca" -d "$pki.other" init >/dev/null
    "$built/relay-ca" -d "$pki.other" client alice >/dev/null
    cp -r "$pki.other/client/alice" "$pki/client/stranger"
}

# recent_has JQ: whether one of the refusals is like that.
recent_has() {
    ctl --json recent >recent.json
    jq -e --arg peer "$client_address" "[.recent[] | select($1)] | length == 1" recent.json >/dev/null
}

# noted JQ: waits for it.
noted() {
    wait_until 60 recent_has "$1" || {
        cat recent.json
        return 1
    }
}

# tries WHO [OPTION...]
tries() {
    s_client "$@" <<<$'GET /KLAB/nothing HTTP/1.1\n' || :
} >/dev/null

handshakes_that_fail() {
    tries ''
    tries stranger
    tries bob
    tries alice -tls1_2
    printf 'GET / HTTP/1.1\r\n\r\n' >/dev/tcp/127.0.0.1/"$relay_port"
    from='(.peer | startswith($peer))'
    noted "$from"' and .kind == "no-certificate" and .certificate == null and .customer == null and .status == null'
    noted "$from"' and .kind == "unknown-authority" and .certificate == "sha256:'"$(identity stranger)"'"'
    noted "$from"' and .kind == "revoked" and .certificate == "sha256:'"$(identity bob)"'" and .customer == "bob"
        and .reason == "certificate revoked" and (.do | contains("relay-ca"))'
    noted "$from"' and .kind == "protocol" and .reason == "unsupported protocol"'
    noted '.kind == "protocol" and .reason == "http request"'
    run -0 ctl recent
    [[ ${lines[0]} =~ ^WHEN\ +TIMES\ +PEER\ +CUSTOMER\ +CERTIFICATE\ +TOLD\ +REASON$ ]]
    [[ $output =~ Z\ +1\ +$client_address:[0-9]+\ +bob\ +$(identity bob | cut -c1-16)\ +tls\ +certificate\ revoked ]]
    run -0 ctl metrics
    grep -x 'vpn_warp_relay_tls_refused_total{reason="revoked"} 1' <<<"$output"
    grep -x 'vpn_warp_relay_tls_refused_total{reason="protocol"} 2' <<<"$output"
    grep -x 'vpn_warp_relay_tls_refused_total{reason="expired"} 0' <<<"$output"
    run -0 ctl status
    [[ $output == *', and 5 in the handshake'* ]]
    stop broker
    start_broker
}

@test "a handshake that fails is there, with its reason, and counted" {
    stop broker
    customer bob
    revoke bob
    configure 'crl = crl.pem'
    through_each_spawner handshakes_that_fail
}

@test "a client that is refused behind its handshake is there with what it was told" {
    configure 'match_timeout = 1'
    ctl reload || :
    start_relay listen
    play <<'SCRIPT'
assert stone("alice", b"GET /KLAB/nothing HTTP/1.1\r\n\r\n").head().startswith(b"HTTP/1.1 404 ")
assert stone("alice").head().startswith(b"HTTP/1.1 503 No agent")
pairs = [session("alice") for _ in range(5)]
assert stone("alice").head().startswith(b"HTTP/1.1 429 ")
pairs[0][1].reset()
SCRIPT
    local alice
    alice='.customer == "alice" and .certificate == "sha256:'"$(identity alice)"'" and (.peer | startswith($peer))'
    noted "$alice"' and .status == 404 and .kind == "request"'
    noted "$alice"' and .status == 503 and .kind == "no-agent" and .reason == "No agent is there for this certificate"'
    noted "$alice"' and .status == 429 and .kind == "limit" and (.do | contains("nusers"))'
    noted "$alice"' and .status == null and .kind == "session" and .reason == "stone-error"'
    # the newest comes last, and as many as one asks for
    run -0 ctl recent 2
    [ "${#lines[@]}" -eq 3 ]
    run -0 ctl --json recent 1
    [ "$(jq -r '.recent[0].when' <<<"$output")" = "$(jq -r '[.recent[].when] | max' recent.json)" ]
    run -64 ctl recent 257
    [ "$output" = 'relayctl: recent 257: not 1 to 256' ]
}

@test "who is made to go is there, whether by an administrator or by the certificate" {
    configure 'crl = crl.pem'
    stop broker
    start_broker
    start_relay listen
    start_play waits <<'SCRIPT'
alices, bobs = poll("alice"), poll("bob")
at_point("waiting")
assert alices.ends_in(5) == "clean"
assert bobs.ends_in(5) == "clean"
SCRIPT
    await_point waits waiting
    ctl kick alice
    revoke bob
    ctl reload
    go_on waiting
    ended_well waits
    noted '.customer == "alice" and .kind == "removed" and .reason == "Ended by the administrator"'
    noted '.customer == "default" and .kind == "removed" and .reason == "Certificate: certificate revoked"'
}

# say_refusals: the script on stdin, as the relay's user, which handlers are; in
# it refusal(host, reason, ...) sends one, each in a connection of its own.
say_refusals() {
    {
        sed -n 's/^#define MESSAGE_VERSION */VERSION = /p' "$tests/../broker/ipc/message.h"
        cat <<'LIBRARY'
import os, socket, struct, time

def connect():
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.connect("broker.sock")
    return made

def packet(peer, reason, kind=2, status=0, identity=b""):
    body = struct.pack("=II32s32s64s128s", kind, status, identity, b"", peer, reason)
    return struct.pack("=HHI", VERSION, 23, 8 + len(body)) + body

def refusal(*words, **more):
    sock = connect()
    sock.send(packet(*words, **more))
    return sock

def dropped(sock):
    try:
        return sock.recv(100) == b""
    except ConnectionResetError:
        return True
LIBRARY
        cat
    } >handler.py
    (unprivileged env PATH=/usr/bin:/bin timeout 60 python3 -SB handler.py)
}

@test "the broker remembers 256, and one of those who come again and again" {
    say_refusals <<'SCRIPT'
for i in range(300):
    refusal(b"192.0.2.%d:%d" % (i % 256, i), b"reason %d" % i)
for port in range(1000, 1100):
    refusal(b"[2001:db8::1]:%d" % port, b"again")
    refusal(b"198.51.100.7:%d" % port, b"again")
SCRIPT
    wait_until 60 recent_has '.times == 100 and .peer == "198.51.100.7:1099"'
    jq -e '.recent | length == 256' recent.json
    jq -e '.recent[-2:] | map([.times, .peer]) == [[100, "[2001:db8::1]:1099"], [100, "198.51.100.7:1099"]]' recent.json
    jq -e '.recent[0].reason == "reason 46"' recent.json
    [ "$(ctl --json status | jq .status.tls_refused.revoked)" -eq 500 ]
}

@test "what a handler says of a refusal is checked where it arrives, and once" {
    say_refusals <<'SCRIPT'
good = (b"192.0.2.1:1", b"reason")
for wrong in (packet(b"a b", b"x"), packet(b"192.0.2.1:1", b"\x1b[2J"), packet(b"192.0.2.1:1", b"\xc3\xa9"),
              packet(b"192.0.2.1:1", b"x" * 128), packet(b"7" * 64, b"x"), packet(*good, kind=0),
              packet(*good, kind=18), packet(*good, status=200), packet(*good)[:-1], packet(*good) + b"x"):
    sock = connect()
    sock.send(wrong)
    assert dropped(sock), wrong
sock = refusal(*good)
sock.send(packet(*good))
assert dropped(sock)
SCRIPT
    noted '.times == 1 and .reason == "reason"'
    jq -e '.recent | length == 1' recent.json
}

@test "a flood of refusals costs the broker a fraction of a handshake each" {
    is_root || skip 'needs root, to know how long the broker ran'
    local before after count
    count=$(often 20000)
    before=$(cpu_of broker)
    COUNT=$count say_refusals <<'SCRIPT'
for i in range(int(os.environ["COUNT"])):
    while True:
        try:
            refusal(b"10.%d.%d.%d:1" % (i >> 16, i >> 8 & 255, i & 255), b"reason %d" % i)
            break
        except BlockingIOError:
            time.sleep(0.001)
SCRIPT
    wait_until 60 refused_so_often "$count"
    after=$(cpu_of broker)
    echo "$count refusals took the broker $((after - before)) ms"
    # a handshake is two milliseconds and more, of a handler
    [ $((after - before)) -lt $((count * $(slowness) / 5)) ]
}

refused_so_often() {
    [ "$(ctl --json status | jq .status.tls_refused.revoked)" -eq "$1" ]
}

# cpu_of NAME: milliseconds that it ran.
cpu_of() {
    local pid stat
    read_pid "$1" && read -ra stat <"/proc/$pid/stat"
    echo $(((stat[13] + stat[14]) * 1000 / $(getconf CLK_TCK)))
}
