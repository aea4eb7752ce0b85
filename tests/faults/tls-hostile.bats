#!/usr/bin/env bats
# Clients that do with TLS what no proper one does: handshakes cut anywhere,
# sessions of other servers, KeyUpdates without end, and nothing ever read.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/faults

setup_file() {
    make_pki alice
}

no_handler() {
    [ "$(handlers)" -eq 0 ]
}

# ---- cut handshakes ---------------------------------------------------------

# every_offset: how far from one offset to the next.
every_offset=$((rounds > 2 ? 1 : 31))

handshakes_are_cut() {
    {
        echo "STRIDE = $every_offset"
        cat <<'SCRIPT'
import random

def flights(sock):
    """A handshake up to its end, of which sock gets what the caller passes on."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context("alice").wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    while True:
        try:
            tls.do_handshake()
            yield outgoing.read()
            return
        except ssl.SSLWantReadError:
            yield outgoing.read()
        data = sock.recv(65536)
        assert data, "the relay ended a good handshake"
        incoming.write(data)

def cut_at(offset):
    """Returns a connection on which so many bytes of the client have come, and no more."""
    sock = tcp()
    sock.settimeout(60)
    for flight in flights(sock):
        if len(flight) >= offset:
            sock.sendall(flight[:offset])
            return sock
        sock.sendall(flight)
        offset -= len(flight)
    return None

def ended(sock):
    """Reads up to the end that the relay makes, however it does."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    sock.close()

def total():
    sock = tcp()
    size = sum(len(flight) for flight in (sock.sendall(f) or f for f in flights(sock)))
    sock.close()
    return size

# the signature's length varies by a few bytes: the last ones are left out
offsets = list(range(random.randint(1, STRIDE), total() - 8, STRIDE))
for offset in offsets:
    sock = cut_at(offset)
    sock.shutdown(socket.SHUT_WR)
    ended(sock)
print("closed", len(offsets), flush=True)

for start in range(0, len(offsets), 100):
    batch = [cut_at(offset) for offset in offsets[start:start + 100]]
    begin = time.monotonic()
    for sock in batch:
        ended(sock)
    took = time.monotonic() - begin
    assert in_time(took, 2 + 4)  # tls_timeout, and some
print("silent", len(offsets), flush=True)
works("alice")
SCRIPT
    } | play >cuts
    wait_until 60 no_handler
    # each of them is told of
    local closed silent
    closed=$(sed -n 's/^closed //p' cuts)
    silent=$(sed -n 's/^silent //p' cuts)
    wait_until 60 counted "$((closed + silent))"
    not says relay ' handler-killed '
    note "$closed handshakes cut and closed, $silent cut and silent, through $spawner"
}

counted() {
    [ "$(log_of relay | grep -c ' tls-refused ')" -eq "$1" ]
}

@test "a handshake that is cut at any byte ends, at once or within tls_timeout, and is told of" {
    configure 'tls_timeout = 2'
    through_each_spawner handshakes_are_cut
}

# ---- alerts -----------------------------------------------------------------

alert_behind_data() {
    play <<'SCRIPT'
def sends_data_and_a_fatal_alert(end):
    """In one piece, so that the relay finds both at once."""
    end.tls.write(b"half of it")
    end.incoming.write(b"\x17\x03\x03\x00\x20" + bytes(32))  # no record of the relay's
    try:
        end.tls.read(1)
    except ssl.SSLError:
        pass
    end.sock.sendall(end.outgoing.read())

agent, client = session("alice")
sends_data_and_a_fatal_alert(client)
assert agent.end() != "clean", "the agent takes half for the whole"
agent, client = session("alice")
sends_data_and_a_fatal_alert(agent)
assert client.end() != "clean", "the stone takes half for the whole"
works("alice")
SCRIPT
}

@test "a fatal alert right behind data is an error to the other side, not a clean end" {
    through_each_spawner alert_behind_data
}

# ---- resumption -------------------------------------------------------------

# a_foreign_session: in session.pem, of a server with the relay's own key that
# does hand out tickets, and takes early data.
a_foreign_session() {
    local port
    port=$(free_port)
    start tickets openssl s_server -accept "$port" -cert cert.pem -key private.pem \
        -CAfile ca.pem -Verify 2 -tls1_3 -early_data -quiet
    wait_until 60 listening "$port"
    { sleep 0.5; } | timeout 60 openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem \
        -cert alice/cert.pem -key alice/private.pem -sess_out session.pem -ign_eof >/dev/null 2>&1 3>&- || :
    stop tickets || :
    [ -s session.pem ]
}

foreign_session_is_ignored() {
    run s_client alice -sess_in session.pem </dev/null
    [[ $output == *"New, TLSv1.3"* ]]
    [[ $output != *Reused* ]]
    printf 'GET /KLAB/early HTTP/1.1\r\n\r\n' >early
    run s_client alice -sess_in session.pem -early_data early </dev/null
    [[ $output == *"New, TLSv1.3"* ]]
    [[ $output == *"Early data was rejected"* ]]
    # it was not even looked at
    not says relay 'reason=Below_/KLAB/'
}

# bats test_tags=slow
@test "a session of another server is not resumed, and its early data not read" {
    a_foreign_session
    configure 'head_timeout = 2'
    through_each_spawner foreign_session_is_ignored
}

# ---- KeyUpdate --------------------------------------------------------------

storm_of_key_updates() {
    start "keys-$spawner" ./keyupdate 127.0.0.1 "$relay_port" alice 60
    await_end "keys-$spawner"
    wait_until 60 no_handler
    note "KeyUpdates through $spawner: $(cat "keys-$spawner.log")"
    says "keys-$spawner" 'ended=cut'
    # 80 of them, with a byte after each 20
    run -0 timeout 60 ./keyupdate 127.0.0.1 "$relay_port" alice 0 3>&-
    [[ $output == "HTTP/1.1 404 "* ]]
    play <<<'works("alice")'
}

@test "KeyUpdates without end are the end of the connection, and some are not" {
    "${CC:-cc}" -o keyupdate "$tests/faults/keyupdate.c" -lssl -lcrypto
    # far away: this is not what ends it
    configure 'head_timeout = 60'
    through_each_spawner storm_of_key_updates
}

# ---- a client that never reads ----------------------------------------------

nothing_is_read() {
    play <<'SCRIPT'
# a refusal that nobody takes
for head in b"GET /KLAB/none HTTP/1.1\r\n\r\n", b"bad\r\n\r\n":
    client = Peer("alice")
    client.send(head)
    pid = handler_of(client)
    until(lambda: gone(pid), 15)
    client.sock.close()
works("alice")
SCRIPT
}

# bats test_tags=slow
@test "a client that never reads its refusal does not keep its handler" {
    through_each_spawner nothing_is_read
}

slow_reader() {
    { echo "SECONDS = $((rounds > 2 ? 60 : 8))" && cat <<'SCRIPT'; } | play >slow
def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))

agent, client = session("alice")
pids = handler_of(agent), handler_of(client)

# as much as the way to the reader takes; 4 GiB would be another 65536 of these
piece = os.urandom(65536)
agent.sock.settimeout(0)
sent = 0
def push():
    global sent
    try:
        while True:
            if not agent.outgoing.pending:
                agent.tls.write(piece)
                sent += len(piece)
            data = agent.outgoing.read(65536)
            done = 0
            while done < len(data):
                done += agent.sock.send(data[done:])
    except BlockingIOError:
        rest = data[done:] + agent.outgoing.read()
        agent.outgoing.write(rest)

# until nothing more goes in, three looks in a row
filled = quiet = 0
while quiet < 3:
    push()
    quiet = quiet + 1 if sent == filled else 0
    filled = sent
    assert filled < 64 << 20, filled
    time.sleep(0.5)
before = [rss(pid) for pid in pids]
client.sock.settimeout(60)
read = 0
for second in range(SECONDS):
    read += len(client.sock.recv(1024))
    push()
    time.sleep(1)
grown = [rss(pid) - was for pid, was in zip(pids, before)]
print(f"buffered={filled} read={read} sent_since={sent - filled} rss={before} grown={grown}")
assert sent - filled < 1 << 20, "the sender is not held back"
assert max(grown) < 1024, grown
agent.reset()
client.reset()
SCRIPT
    note "$(cat slow) through $spawner"
}

# bats test_tags=slow
@test "a reader of 1 KiB/s holds the sender back, and costs no memory" {
    is_root || skip 'needs root, to see the memory of the handlers'
    through_each_spawner slow_reader
}
