#!/usr/bin/env bats
# A balancer in front of the relay (proxy_from) says who its client is, by the
# PROXY protocol, version 2; nobody else can.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/docs

setup_file() {
    make_pki alice
}

# behind_balancer [LINE...]: a relay to which play's clients are balancers.
behind_balancer() {
    with_relay "proxy_from = $client_address" "$@"
}

# by_header: play, with headers made by hand.
by_header() {
    {
        echo 'from proxy_headers import *'
        cat
    } | play
}

# refused_lines REASON COUNT
refused_lines() {
    wait_until 60 says_times relay "$2" " tls-refused peer=$client_address:[0-9]+ reason=$1$"
}

# ---- relay.conf ---------------------------------------------------------------

# bad_conf LINE REASON: the line is the last of relay.conf.
bad_conf() {
    configure "$1"
    run -78 "$scratch/bin/relay-listen" -t -c "$scratch/relay.conf"
    [[ $output == *"relay.conf:$(wc -l <relay.conf): $2" ]]
    sed -i '$d' relay.conf
}

@test "proxy_from is an address or a prefix, up to 16 times" {
    local wrong i
    for wrong in balancer.example.org 192.0.2.0/33 2001:db8::/129 192.0.2.1/ '192.0.2.1 192.0.2.2' '[::1]'; do
        bad_conf "proxy_from = $wrong" "proxy_from: $wrong is no address or prefix"
    done
    for i in {1..5}; do
        configure "proxy_from = 192.0.2.$i" "proxy_from = 198.51.$i.0/24" "proxy_from = 2001:db8:$i::/48"
    done
    configure 'proxy_from = ::1'
    "$scratch/bin/relay-listen" -t -c relay.conf
    bad_conf 'proxy_from = 192.0.2.99' 'more than 16 proxy_from lines'
}

# ---- who it is ----------------------------------------------------------------

@test "the log, relayctl and X-Forwarded-For have the client that the header names" {
    behind_balancer
    by_header <<'SCRIPT'
import subprocess

def waiting():
    return subprocess.run([f"{SCRATCH}/bin/relayctl", "-c", f"{SCRATCH}/relay.conf", "agents"],
                          check=True, capture_output=True, text=True).stdout

agent = poll("alice", before=header("192.0.2.7", 4711))
until(lambda: "192.0.2.7:4711" in waiting())
client = stone("alice", before=header("2001:db8::7", 4712))
assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: 2001:db8::7\r\n\r\n"
agent.send(OK)
assert client.head() == OK
client.finish()
agent.rest()
agent.finish()
client.rest()
poll("alice", before=header("::ffff:192.0.2.8", 4713))
SCRIPT
    wait_until 60 says relay ' agent-waits id=[0-9a-f]+ peer=192\.0\.2\.7:4711 '
    wait_until 60 says relay ' agent-waits id=[0-9a-f]+ peer=192\.0\.2\.8:4713 '
    wait_until 60 says relay ' end .* role=stone peer=\[2001:db8::7\]:4712 '
    wait_until 60 says broker ' session .*2001:db8::7'
}

@test "what a LOCAL header says is passed over: the balancer itself is the client" {
    behind_balancer
    by_header <<'SCRIPT'
agent = poll("alice", before=made(LOCAL, UNSPEC, b""))
client = stone("alice", before=made(LOCAL, TCP4, addresses("192.0.2.7", 1) + tlv(4, b"x")))
assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: %s\r\n\r\n" % CLIENT_ADDRESS.encode()
SCRIPT
    says relay " agent-waits .* peer=$client_address:"
}

@test "a balancer's health check is no refusal, with a header and without" {
    configure "proxy_from = $client_address"
    start_broker
    start_relay listen -d
    by_header <<'SCRIPT'
tcp().close()
for before in made(LOCAL, UNSPEC, b""), header():
    sock = tcp()
    sock.sendall(before)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
for before in (made(LOCAL, UNSPEC, b""), header()):
    sock = tcp()
    sock.sendall(before)
    sock.shutdown(socket.SHUT_WR)
    assert sock.recv(1) == b""
SCRIPT
    wait_until 60 says_times relay 5 ' probe '
    says_at_least relay 1 " probe peer=$client_address:"
    says_at_least relay 1 ' probe peer=192\.0\.2\.7:4711$'
    says_times relay 0 ' tls-refused '
}

@test "balancers that connect by IPv6 are known as others are" {
    local six
    six=$(free_port)
    with_relay "listen = [::1]:$six" 'proxy_from = ::/64'
    by_header <<SCRIPT
agent = poll("alice", host="::1", port=$six, before=header("2001:db8::7", 4711))
client = stone("alice", host="::1", port=$six, before=header("192.0.2.7", 4712))
assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
SCRIPT
    says relay ' agent-waits .* peer=\[2001:db8::7\]:4711 '
}

# ---- its bytes ------------------------------------------------------------------

@test "TLVs are passed over, up to a header of 536 bytes" {
    behind_balancer
    by_header <<'SCRIPT'
agent = poll("alice", before=header("192.0.2.6", tlvs=tlv(0x01, b"h2") + tlv(0x20, b"\1\0\0\0\0")))
client = stone("alice", before=filled_to(HEADER_MAX))
assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
SCRIPT
}

@test "a header may come in pieces, and its last one with what follows" {
    behind_balancer
    by_header <<'SCRIPT'
whole = header(tlvs=tlv(5, b"id"))
agent = poll("alice", before=header("192.0.2.6"))
for piece in 1, 12, 15, 16, 27:
    sock = tcp()
    for at in range(0, len(whole) - piece, piece):
        sock.sendall(whole[at:at + piece])
        time.sleep(0.01)  # so that they come apart
        rest = whole[at + piece:]
    client = stone("alice", sock=sock, before=rest)
    assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
    agent = poll("alice", before=header("192.0.2.6"))
SCRIPT
}

@test "a header has until tls_timeout in all, however it trickles" {
    behind_balancer 'tls_timeout = 2'
    by_header <<'SCRIPT'
silent, slow = tcp(), tcp()
silent.sendall(header()[:20])
start = time.monotonic()
try:
    for byte in header(tlvs=tlv(4, bytes(400))):
        slow.sendall(bytes([byte]))
        time.sleep(0.1)
    raise AssertionError("all of it was taken")
except ConnectionError:
    pass
assert in_time(time.monotonic() - start, 3)
assert silent.recv(1) == b""
SCRIPT
    refused_lines no_PROXY_header_in_time 2
}

@test "the handshake has what the header leaves of tls_timeout" {
    behind_balancer 'tls_timeout = 2'
    by_header <<'SCRIPT'
sock = tcp()
sock.sendall(header())
start = time.monotonic()
assert sock.recv(1) == b""
assert in_time(time.monotonic() - start, 3)
SCRIPT
    wait_until 60 says relay ' tls-refused peer=192\.0\.2\.7:4711 reason=handshake_timed_out'
}

# ---- what is none ---------------------------------------------------------------

@test "a balancer that begins with anything else is refused" {
    behind_balancer
    by_header <<'SCRIPT'
def is_closed(data, then_ends=False):
    sock = tcp()
    sock.sendall(data)
    if then_ends:
        sock.shutdown(socket.SHUT_WR)
    try:
        assert sock.recv(1) == b"", data
    except ConnectionResetError:
        pass

is_closed(b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")
is_closed(b"\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c")
is_closed(b"\x16")
is_closed(header()[:1], then_ends=True)
is_closed(header()[:20], then_ends=True)
try:
    Peer("alice")
    raise AssertionError("TLS without a header")
except ConnectionError:
    pass
SCRIPT
    refused_lines no_PROXY_header 6
}

@test "a header that is malformed, too long, or of no TCP is refused" {
    behind_balancer
    by_header <<'SCRIPT'
v4, v6 = addresses("192.0.2.7", 1), addresses("2001:db8::7", 1)
bad = (
    made(0x11, TCP4, v4),
    made(0x30, UNSPEC, b""),
    made(0x22, TCP4, v4),
    made(PROXY, UNSPEC, v4),
    made(PROXY, UDP4, v4),
    made(PROXY, UNIX, bytes(216)),
    made(PROXY, TCP4, v4[:-1]),
    made(PROXY, TCP6, v6[:-1]),
    made(PROXY, TCP6, v4),
    made(PROXY, TCP4, b""),
    filled_to(HEADER_MAX + 1),
    made(LOCAL, UNSPEC, b"", length=65535),
)
for data in bad:
    sock = tcp()
    sock.sendall(data)
    try:
        assert sock.recv(1) == b"", data
    except ConnectionResetError:
        pass
SCRIPT
    refused_lines bad_PROXY_header 12
}

@test "a header of anybody else is garbage in the place of TLS" {
    with_relay 'proxy_from = 192.0.2.0/24' 'proxy_from = 2001:db8::1'
    by_header <<'SCRIPT'
try:
    Peer("alice", before=header())
    raise AssertionError("it was taken")
except (ConnectionError, ssl.SSLError):
    pass
works("alice")
SCRIPT
    wait_until 60 says relay " tls-refused peer=$client_address:[0-9]+ reason=wrong_version_number$"
    says_times relay 0 'PROXY_header|peer=192\.0\.2\.7'
}

@test "a client's own header, behind the balancer's, is garbage in the place of TLS" {
    behind_balancer
    by_header <<'SCRIPT'
try:
    Peer("alice", before=header("192.0.2.7") + header("192.0.2.8"))
    raise AssertionError("it was taken")
except (ConnectionError, ssl.SSLError):
    pass
SCRIPT
    wait_until 60 says relay ' tls-refused peer=192\.0\.2\.7:4711 reason=wrong_version_number$'
    says_times relay 0 '192\.0\.2\.8'
}

# ---- with the rest of the relay ---------------------------------------------------

@test "max_unregistered_from is not for balancers, and max_unregistered is" {
    behind_balancer 'max_unregistered = 40' 'max_unregistered_from = 10'
    by_header <<'SCRIPT'
balancer = [tcp() for _ in range(30)]
stranger = [socket.create_connection(("127.0.0.1", PORT), 60, ("127.9.9.9", 0)) for _ in range(11)]

def has_ended(sock):
    sock.settimeout(60)
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass

def is_open(sock):
    sock.settimeout(0.05)
    try:
        assert sock.recv(1), "ended"
    except TimeoutError:
        pass

has_ended(stranger[0])
for sock in balancer:
    is_open(sock)
balancer.append(tcp())
has_ended(balancer[0])
for sock in balancer[1:]:
    is_open(sock)
SCRIPT
}

behind_header() {
    by_header <<'SCRIPT'
agent = poll("alice", before=header("192.0.2.6"))
client = stone("alice", before=header("192.0.2.7"))
assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
SCRIPT
}

@test "the header is read through either spawner" {
    configure "proxy_from = $client_address"
    through_each_spawner behind_header
}

@test "a reload changes who is a balancer" {
    with_relay
    play <<<'works("alice")'
    configure "proxy_from = $client_address"
    "$scratch/bin/relayctl" -c relay.conf reload
    behind_header
}

# with_haproxy: as relay.conf(5) has it, in front of the relay, at $relay_port from
# now on; it connects from an address of its own, and checks often.
with_haproxy() {
    local relay=$relay_port
    relay_port=$(free_port)
    {
        example relay.conf.5 'send-proxy-v2 check' |
            sed "s/bind :443/bind 127.0.0.1:$relay_port/; s/192\.0\.2\.2:443/127.0.0.1:$relay/; s/check$/check inter 100/"
        echo "    source $client_address"
    } >haproxy.cfg
    start haproxy haproxy -db -f "$scratch/haproxy.cfg"
    await_start haproxy listening "$relay_port"
}

@test "behind haproxy agent and stone work, and are not taken for it" {
    configure "proxy_from = $client_address"
    start_broker
    start_relay listen -d
    with_haproxy
    start_line alice
    client sessions "$stone_port" alice 10 2
    says relay ' agent-waits .* peer=127\.0\.0\.1:'
    says relay ' end .* role=stone peer=127\.0\.0\.1:'
    # its checks send a header and reset, most before anybody can see who it is
    wait_until 60 says_at_least relay 10 " probe peer=($client_address:[0-9]+|unknown)$"
    says_times relay 0 " tls-refused |(agent-waits|end|left) .*$client_address"
    stop_line alice
}

@test "behind haproxy an agent is parked, and woken as who it is" {
    configure "proxy_from = $client_address" 'park_after = 1'
    start_broker
    start_relay listen -d
    with_haproxy
    start_line alice
    wait_until 60 says_at_least broker 2 ' parked .* peer=127\.0\.0\.1:'
    client session "$stone_port" alice 100000 100000
    wait_until 60 says broker ' woken .* peer=127\.0\.0\.1:'
    says relay ' end .* role=agent peer=127\.0\.0\.1:'
    says_times relay 0 " tls-refused |(agent-waits|parked|end|left) .*$client_address"
    stop_line alice
}
