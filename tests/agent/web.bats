#!/usr/bin/env bats
# relayagent as the way to a web server: every request of a connection is
# looked at, Host is rewritten in each, and none is smuggled past it.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

setup() {
    prepare
    web_port=$(free_port)
}

# start_web HOST [AGENT LINE...]: relay, agent, and a web server for HOST.
start_web() {
    local host=$1
    shift
    start_broker
    start_relay listen
    start web python3 -SB "$tests/lib/web.py" "$web_port" "$host" "$scratch/heads"
    wait_until 60 listening "$web_port"
    start_web_agent "127.0.0.1:$web_port" "$@"
}

# start_web_agent TARGET [LINE...]
start_web_agent() {
    local target=$1
    shift
    printf '%s\n' "$@" "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "$target" >agent.conf
    start agent bin/relayagent -C agent.conf
    wait_until 60 says agent ' waiting '
}

# fetch [OPTION...] URL-PATH...: with curl, as one kept-alive connection.
fetch() {
    local arguments=()
    for word; do
        if [[ $word = /* ]]; then
            arguments+=("https://127.0.0.1:$relay_port$word")
        else
            arguments+=("$word")
        fi
    done
    curl -sS -m 20 --cert alice/cert.pem --key alice/private.pem --cacert ca.pem "${arguments[@]}"
}

sessions() {
    grep -c ' session in=' agent.log || :
}

@test "every request of a kept-alive connection arrives, with the Host of -h in each" {
    start_web intra '-h intra'
    run -0 fetch -v /one /two /three
    [[ $output == *$'\n/one\n'*$'\n/two\n'*$'\n/three' ]]
    [ "$(grep -c 'Re-using existing .*connection' <<<"$output")" -eq 2 ]
    [ "$(grep -c '^Host: intra' heads)" -eq 3 ]
    [ "$(grep -c '^Host: ' heads)" -eq 3 ]
    wait_until 60 says agent ' session in='
    [ "$(sessions)" -eq 1 ]
}

@test "without -h Host is the client's" {
    start_web "127.0.0.1:$relay_port"
    run -0 fetch /one /two
    [ "$output" = $'/one\n/two' ]
}

@test "X-Forwarded-For is the client's true address in each request, whatever it says" {
    start_web '*'
    run -0 fetch --interface "$client_address" -H 'X-Forwarded-For: 6.6.6.6' /head /head
    [ "$(grep -ic '^X-Forwarded-For' <<<"$output")" -eq 2 ]
    [ "$(grep -c "^X-Forwarded-For: $client_address" <<<"$output")" -eq 2 ]
}

@test "no other spelling of X-Forwarded-For arrives, and no word that would drop ours" {
    start_web '*'
    run -0 fetch --interface "$client_address" -H 'X_Forwarded_For: 6.6.6.6' \
        -H 'x-forwarded_for: 6.6.6.6' -H 'X_Service: a' -H 'Connection: close, X-Forwarded-For' /head
    [[ ${output//$'\r'/} == *$'\nConnection: close\nX-Forwarded-For: '"$client_address"* ]]
    [[ $output != *6.6.6.6* && $output != *[Xx]_* ]]
}

@test "bodies pass: by length, chunked, and after 100-continue" {
    start_web intra '-h intra'
    head -c 3000000 /dev/urandom >body
    fetch -o back --data-binary @body /echo
    cmp body back
    fetch -o back -H 'Transfer-Encoding: chunked' --data-binary @body /echo
    cmp body back
    run -0 fetch -v -o back -H 'Expect: 100-continue' --data-binary @body /echo
    [[ $output == *'HTTP/1.1 100 Continue'* ]]
    cmp body back
}

@test "GET, HEAD and POST take turns on one connection" {
    start_web intra '-h intra'
    play <<'SCRIPT'
client = stone("alice", b"HEAD /bytes/70000 HTTP/1.1\r\nHost: x\r\n\r\n")
assert b"Content-Length: 70000\r\n" in client.head()
client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
client.send_bytes(b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\n")
assert client.head().endswith(b"Content-Length: 6\r\n\r\n")
assert client.read(6) == b"hello!"
client.send(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
client.head()
assert client.read(3) == b"/a\n"
client.head()
assert client.read(3) == b"/b\n"
# 40 at once, more than the agent sends ahead of their answers
client.send(b"".join(b"GET /%02d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(40)))
for i in range(40):
    client.head()
    assert client.read(4) == b"/%02d\n" % i
client.finish()
assert client.rest() == b""
SCRIPT
}

@test "what could be read in two ways is refused with 400 and never reaches the web server" {
    start_web '*'
    play <<'SCRIPT'
def refused(head, body=b""):
    client = stone("alice", b"POST /smuggled HTTP/1.1\r\n" + head + b"\r\n" + body)
    answer = client.head()
    assert answer.startswith(b"HTTP/1.1 400 "), (head, answer)
    client.rest()
    # the same as the second request of a connection
    client = stone("alice", b"GET /good HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.head().startswith(b"HTTP/1.1 200 ")
    assert client.read(6) == b"/good\n"
    client.send(b"POST /smuggled HTTP/1.1\r\n" + head + b"\r\n" + body)
    answer = client.head()
    assert answer.startswith(b"HTTP/1.1 400 "), (head, answer)
    client.rest()

HOST = b"Host: x\r\n"
CL = b"Content-Length: 4\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
refused(HOST + CL + TE, b"0\r\n\r\n")
refused(HOST + TE + CL, b"0\r\n\r\n")
refused(HOST + CL + CL, b"abcd")
refused(HOST + CL + b"Content-Length: 5\r\n", b"abcde")
refused(HOST + b"Content-Length: 4, 4\r\n", b"abcd")
refused(HOST + b"Content-Length: +4\r\n", b"abcd")
refused(HOST + b"Content-Length: 0x4\r\n", b"abcd")
refused(HOST + b"Content-Length: -1\r\n")
refused(HOST + b"Content-Length: 99999999999999999999999\r\n")
refused(HOST + TE + TE, b"0\r\n\r\n")
refused(HOST + b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n")
refused(HOST + b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n")
refused(HOST + b"Transfer-Encoding: identity\r\n")
refused(HOST + b"Transfer-Encoding:\r\n")
refused(HOST + HOST)
refused(HOST + b"Content-Length : 4\r\n", b"abcd")
refused(HOST + b"X-Odd: a\r\n b\r\n")
refused(HOST + b"X-Odd: a\rb\r\n")
refused(HOST + b"X-Odd: a\0b\r\n")
SCRIPT
    not grep smuggled heads
}

@test "a chunk that is malformed ends the session, and what follows is not a request" {
    start_web '*'
    play <<'SCRIPT'
START = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
for chunk in (b"5\nhello\n0\n\n", b"5\r\nhelloX", b"g\r\n", b"-1\r\n", b" 5\r\nhello\r\n",
              b"fffffffffffffffff\r\n"):
    client = stone("alice", START + chunk + b"GET /smuggled HTTP/1.1\r\n\r\n")
    assert client.head().startswith(b"HTTP/1.1 400 "), chunk
    client.rest()
SCRIPT
    not grep smuggled heads
}

@test "a chunk that is malformed resets the target, and the client too once that has answered" {
    start_broker
    start_relay listen
    start_web_agent "127.0.0.1:$web_port"
    echo "$web_port" >port
    play <<'SCRIPT'
import socket
listener = socket.create_server(("127.0.0.1", int(open(f"{SCRATCH}/port").read())))
listener.settimeout(60)
START = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

def asked(client):
    target, _ = listener.accept()
    target.settimeout(60)
    got = b""
    while b"\r\n\r\n" not in got:
        got += target.recv(65536)
    return target

def reset(target):
    try:
        while target.recv(65536):
            pass
        return False
    except ConnectionResetError:
        return True

# nothing was answered
client = stone("alice", START + b"5\r\nhello\r\nX\r\n")
target = asked(client)
assert client.head().startswith(b"HTTP/1.1 400 ")
client.rest()
assert reset(target)
# answered in full, in part, and another request before it not at all
for answer, wanted in ((OK, 2), (OK[:-1], 1)):
    client = stone("alice", START + b"5\r\nhello\r\n")
    target = asked(client)
    target.sendall(answer)
    client.head()
    client.read(wanted)
    client.send(b"X\r\n")
    assert client.end() != "clean" and not client.got, bytes(client.got)
    assert reset(target)
client = stone("alice", b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n" + START + b"X\r\n")
target = asked(client)
assert client.end() != "clean" and not client.got, bytes(client.got)
assert reset(target)
SCRIPT
}

@test "CONNECT, an absolute target under -h and HTTP/1.0 with chunks are refused" {
    start_web '*' '-h intra'
    play <<'SCRIPT'
for line in (b"CONNECT x:80 HTTP/1.1", b"GET http://other/ HTTP/1.1", b"get / HTTP/1.1"):
    client = stone("alice", line + b"\r\nHost: x\r\n\r\n")
    assert client.head().startswith(b"HTTP/1.1 400 "), line
    client.rest()
client = stone("alice", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
assert client.head().startswith(b"HTTP/1.1 400 ")
SCRIPT
    [ ! -s heads ]
}

@test "a refusal comes after the answers that are due" {
    start_web '*'
    play <<'SCRIPT'
client = stone("alice", b"GET /sleep/0.5 HTTP/1.1\r\nHost: x\r\n\r\nGET / BAD\r\n\r\n")
assert client.head().startswith(b"HTTP/1.1 200 ")
assert client.read(11) == b"/sleep/0.5\n"
assert client.head().startswith(b"HTTP/1.1 400 ")
client.rest()
SCRIPT
}

@test "after Connection: close nothing more is sent on" {
    start_web '*'
    play <<'SCRIPT'
client = stone("alice", b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
               b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
client.head()
assert client.read(3) == b"/a\n"
client.finish()
assert client.rest() == b""
SCRIPT
    not grep smuggled heads
}

@test "a WebSocket passes, and an upgrade that is not granted leaves HTTP" {
    start_web intra '-h intra'
    play <<'SCRIPT'
UPGRADE = b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n"
client = stone("alice", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
client.head()
client.read(3)
# not granted; what comes behind it is a request
client.send(b"GET /b HTTP/1.1\r\n" + UPGRADE + b"GET /c HTTP/1.1\r\nHost: x\r\n\r\n")
client.head()
assert client.read(3) == b"/b\n"
client.head()
assert client.read(3) == b"/c\n"
client.send(b"GET /socket HTTP/1.1\r\n" + UPGRADE)
assert client.head().startswith(b"HTTP/1.1 101 ")
for text in (b"one", b"GET / HTTP/1.1", bytes(range(100))):
    client.send(b"\x82" + bytes([0x80 | len(text)]) + b"\0\0\0\0" + text)
    assert client.read(2 + len(text)) == b"\x82" + bytes([len(text)]) + text
client.send(b"\x88\x80\0\0\0\0")
assert client.read(2) == b"\x88\x00"
client.rest()
SCRIPT
    not grep -q '^Host: x' heads
}

# upgraded PROTOCOL: the head that arrives of a client that asks for it.
upgraded() {
    fetch -H "Upgrade: $1" -H 'Connection: keep-alive, Upgrade,HTTP2-Settings , X-Custom' \
        -H 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA' /head | tr -d '\r'
}

@test "an upgrade to anything but a WebSocket is not passed on, as h2c, unless the agent is told to" {
    start_web intra '-h intra'
    for protocol in h2c 'websocket, h2c' 'h2c,websocket' TLS/1.0; do
        run -0 upgraded "$protocol"
        [[ $output == *$'\nConnection: keep-alive\n'* ]]
        [[ $output != *[Uu]pgrade* && $output != *HTTP2* && $output != *X-Custom* ]]
    done
    run -0 upgraded WebSocket
    [[ $output == *$'\nConnection: keep-alive,Upgrade\n'* ]]
    [[ $output == *$'\nUpgrade: WebSocket\n'* && $output != *HTTP2* ]]
    stop agent
    start_web_agent "127.0.0.1:$web_port" '-h intra' '--upgrade h2c' '--upgrade other'
    run -0 upgraded h2c
    [[ $output == *$'\nConnection: keep-alive,Upgrade,HTTP2-Settings\n'* ]]
    [[ $output == *$'\nUpgrade: h2c\n'* && $output == *$'\nHTTP2-Settings: '* ]]
    run -0 upgraded other
    [[ $output == *$'\nUpgrade: other\n'* && $output != *HTTP2* ]]
    run -0 upgraded third
    [[ $output != *[Uu]pgrade* ]]
}

@test "a web server behind a Unix socket, which is gone later" {
    start_broker
    start_relay listen
    start web python3 -SB "$tests/lib/web.py" "$scratch/web.sock" intra "$scratch/heads"
    wait_until 60 [ -S web.sock ]
    start_web_agent "unix:$scratch/web.sock" '-h intra'
    run -0 fetch /one /two
    [ "$output" = $'/one\n/two' ]
    stop web || :
    run -0 fetch -w '%{http_code}' /one
    [[ $output == "Target unreachable: $scratch/web.sock: Connection refused"*502 ]]
}

@test "curl's HEAD, and an answer of 1.0 that ends with its connection" {
    start_web '*'
    run -0 fetch -I /bytes/700
    [[ $output == *'Content-Length: 700'* ]]
    run -0 fetch --http1.0 -H 'Connection: close' /one
    [ "$output" = /one ]
}
