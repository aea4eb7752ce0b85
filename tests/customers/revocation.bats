#!/usr/bin/env bats
# A certificate that is no longer good: nobody gets in with it, and who is in
# has to go, while all others stay.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers

names=(alice bob carol dave erin frank grace heidi ivan judy)

setup_file() {
    make_pki "${names[@]}"
}

setup() {
    prepare
    configure 'crl = crl.pem'
}

one_of_ten() {
    cp "$pki/crl.pem" crl.pem
    give crl.pem
    ctl reload
    start_play transfers <<'SCRIPT'
import hashlib

NAMES = "alice bob carol dave erin frank grace heidi ivan judy".split()
SIZE = 24 << 20
results = {}

def send(agent):
    block = b"0123456789abcdef" * 1024
    try:
        for _ in range(SIZE // len(block)):
            agent.send(block)
            time.sleep(0.002)
        agent.finish()
    except OSError:
        pass

def receive(name, client):
    digest = hashlib.sha256()
    try:
        while not client.ended:
            client._receive(time.monotonic() + 60)
            digest.update(client._take(len(client.got)))
    except OSError as error:
        client.ended = str(error)
    results[name] = client.ended, digest.hexdigest(), time.time()

pairs = {name: session(name) for name in NAMES}
idle = {name: poll(name) for name in NAMES}
threads = []
for name, (agent, client) in pairs.items():
    threads.append(threading.Thread(target=send, args=(agent,)))
    threads.append(threading.Thread(target=receive, args=(name, client)))
for t in threads:
    t.start()
time.sleep(0.5)
at_point("moving")
revoked_at = float(open(f"{SCRATCH}/revoked_at").read())
assert idle["dave"].ends_in(5) == "clean"
for t in threads:
    t.join()
good = hashlib.sha256(b"0123456789abcdef" * (SIZE // 16)).hexdigest()
for name, (ended, digest, when) in results.items():
    if name == "dave":
        assert ended == "reset" and in_time(when - revoked_at, 2), ended
    else:
        assert (ended, digest) == ("clean", good), (name, ended)
        assert idle[name].silent(0.05), name
try:
    Peer("dave").head()
    assert False, "dave is let in"
except (ssl.SSLError, ConnectionError, AssertionError) as error:
    assert "is let in" not in str(error), error
SCRIPT
    await_point transfers moving
    revoke dave
    date +%s.%N >revoked_at
    ctl reload
    go_on moving
    ended_well transfers
    says relay ' end .*reason=Certificate:_certificate_revoked$'
    says relay ' removed .*role=agent .*reason=Certificate:_certificate_revoked$'
    says relay ' tls-refused .*reason=certificate_revoked .*dave'
    says broker ' session .*reason=agent-certificate$|reason=stone-certificate$'
    rm -rf "$scratch.ca" ./*.reached ./*.passed revoked_at
}

# bats test_tags=slow
@test "revoking one of ten ends its session and its poll within 2 s; nine transfers arrive whole" {
    through_each_spawner one_of_ten
}

# hangs_up PROGRAM NAME: NAME is revoked, and PROGRAM told by SIGHUP.
hangs_up() {
    start_play "to_$1" <<SCRIPT
gone, stays = poll("$2"), poll("carol")
at_point("$1")
assert gone.ends_in(5) == "clean"
assert stays.silent(0.2)
SCRIPT
    await_point "to_$1" "$1"
    revoke "$2"
    kill -HUP "$(pid_of "$1")"
    go_on "$1"
    ended_well "to_$1"
    wait_until 60 says broker ' reloaded .*ended=1 '
    says relay " removed .*identity=$(identity "$2") .*certificate_revoked"
}

@test "SIGHUP to the broker does the same as relayctl reload" {
    start_broker
    start_relay listen
    hangs_up broker alice
}

@test "SIGHUP to relay-listen does the same as relayctl reload" {
    start_broker
    start_relay listen
    hangs_up relay bob
}

@test "a new list of revocations is obeyed without anybody asking" {
    start_broker
    start_relay listen
    start_play unasked <<'SCRIPT'
gone, stays = poll("alice"), poll("carol")
at_point("waiting")
assert gone.ends_in(2) == "clean"
assert stays.silent(0.2)
SCRIPT
    await_point unasked waiting
    revoke alice
    go_on waiting
    ended_well unasked
    # one that is moved to its place, too
    wait_until 60 says broker ' reloaded .*ended=1 '
    : >broker.log
    cp crl.pem fresh
    give fresh
    mv fresh crl.pem
    wait_until 60 says broker ' reloaded .*ended=0 '
}

@test "and so is one that the relay may read later than it is there" {
    is_root || skip 'needs root: who has a file may read it'
    start_broker
    start_relay listen
    start_play later <<'SCRIPT'
gone = poll("alice")
at_point("waiting")
assert gone.end() == "clean"
SCRIPT
    await_point later waiting
    cp -r "$pki" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" revoke alice >/dev/null
    install -m 600 "$scratch.ca/crl.pem" crl.pem
    wait_until 60 says broker ' reload-failed .*Permission_denied'
    chmod 644 crl.pem
    go_on waiting
    ended_well later
    wait_until 60 says broker ' reloaded .*ended=1 '
}

@test "a session outlives the broker, but not the revocation that happens meanwhile" {
    start_broker
    start_relay listen
    start_play session <<'SCRIPT'
agent, client = session("alice")
other = session("bob")
at_point("live")
assert client.ends_in(15) == "reset"
other[0].send(b"still")
assert other[1].read(5) == b"still"
SCRIPT
    await_point session live
    stop broker KILL || :
    revoke alice
    start_broker
    go_on live
    ended_well session
}

ca_leaves() {
    make_other_ca
    start_play "session_$spawner" <<'SCRIPT'
agent, client = session("alice")
waiting = poll("alice")
at_point("live")
assert waiting.ends_in(5) == "clean"
assert agent.ends_in(5) == "reset"
assert client.ends_in(5) == "reset"
SCRIPT
    await_point "session_$spawner" live
    cp "$scratch.other/ca.pem" ca.pem
    cp "$scratch.other/crl.pem" crl.pem
    give ca.pem crl.pem
    ctl reload
    go_on live
    ended_well "session_$spawner"
    cp "$pki/ca.pem" "$pki/crl.pem" .
    give ca.pem crl.pem
    ctl reload
    rm -rf "$scratch.other" ./*.reached ./*.passed
}

make_other_ca() {
    "$built/relay-ca" -d "$scratch.other" init >/dev/null
}

@test "a client whose CA leaves the store has to go" {
    through_each_spawner ca_leaves
}

# short_lived NAME SECONDS: its certificate ends so soon.
short_lived() {
    openssl req -new -key "$1/private.pem" -subj "/CN=$1" -out "$1.csr"
    printf '%s\n' '[ca]' 'default_ca = c' '[c]' "database = $scratch/index" 'rand_serial = yes' \
        'new_certs_dir = .' 'default_md = sha256' 'policy = p' 'x509_extensions = e' \
        '[p]' 'commonName = supplied' '[e]' 'extendedKeyUsage = clientAuth' >short.cnf
    : >index
    openssl ca -batch -notext -config short.cnf -cert "$pki/ca.pem" -keyfile "$pki/private/ca.pem" \
        -startdate "$(date -u -d '-1 hour' +%Y%m%d%H%M%SZ)" \
        -enddate "$(date -u -d "+$2 seconds" +%Y%m%d%H%M%SZ)" -in "$1.csr" -out "$1/cert.pem" 2>/dev/null
    give "$1"
}

certificate_ends() {
    short_lived alice "$((4 + $(slowness)))"
    play <<'SCRIPT'
agent, client = session("alice")
waiting = poll("alice")
start = time.monotonic()
assert waiting.ends_in(10) == "clean"
assert agent.ends_in(2) == "reset"
assert client.ends_in(2) == "reset"
took = time.monotonic() - start
assert took > 2 and in_time(took, 8)
SCRIPT
    says relay ' (end|removed) .*reason=Certificate:_certificate_has_expired$'
}

# bats test_tags=slow
@test "a client whose certificate ends has to go, without anybody asking" {
    through_each_spawner certificate_ends
}

# expired_crl: as crl.pem.
expired_crl() {
    cp -r "$pki" "$scratch.ca"
    printf '%s\n' '[ca]' 'default_ca = c' '[c]' "database = $scratch.ca/index.txt" \
        "crlnumber = $scratch.ca/crlnumber" 'default_md = sha256' >crl.cnf
    openssl ca -config crl.cnf -gencrl -cert "$pki/ca.pem" -keyfile "$pki/private/ca.pem" \
        -crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z -out crl.pem 2>/dev/null
    give crl.pem
}

@test "with an expired list of revocations nobody gets in, and who is in stays" {
    start_broker
    start_relay listen
    start_play session <<'SCRIPT'
agent, client = session("alice")
at_point("live")
agent.send(b"still")
assert client.read(5) == b"still"
SCRIPT
    await_point session live
    expired_crl
    run -1 ctl reload
    [[ $output == *'CRL has expired'* ]]
    run ! s_client alice <<<''
    wait_until 60 says relay ' tls-refused .*reason=CRL_has_expired'
    go_on live
    ended_well session
}

@test "crl_expired = warn lets them in, and warns" {
    configure 'crl_expired = warn'
    expired_crl
    start_broker
    start_relay listen
    play <<'SCRIPT'
works("alice")
SCRIPT
    says relay ' crl-expired crl='
    ctl reload
}

@test "who is revoked while the broker is away is refused once it is back" {
    start_broker
    start_relay listen
    wait_until 60 spawner_is_attached
    kill -STOP "$(pid_of relay)"
    stop broker KILL || :
    revoke bob
    start_broker
    run -1 ctl reload
    [[ $output == *'no relay-listen is attached'* ]]
    kill -CONT "$(pid_of relay)"
    wait_until 60 says relay ' reloaded'
    run s_client bob <<<$'GET / HTTP/1.1\n'
    [[ $output == *'alert certificate revoked'* ]]
    run -0 ctl reload
    [[ $output != *'no relay-listen'* ]]
}

# list_of CA SIGNER [OPTION...]: a list of what CA has revoked, signed with the
# key of SIGNER, which has the same name, becomes crl.pem.
list_of() {
    printf '%s\n' '[ca]' 'default_ca = c' '[c]' "database = $1/index.txt" 'unique_subject = no' \
        'default_md = sha256' >crl.cnf
    openssl ca -config crl.cnf -gencrl -cert "$2/ca.pem" -keyfile "$2/private/ca.pem" "${@:3}" \
        -out crl.new 2>/dev/null
    give crl.new
    mv crl.new crl.pem
}

@test "who is revoked has to go even if the list has expired, and nobody else" {
    start_broker
    start_relay listen
    start_play session <<'SCRIPT'
agent, client = session("alice")
gone = poll("bob")
at_point("live")
assert gone.ends_in(5) == "clean"
agent.send(b"still")
assert client.read(5) == b"still"
SCRIPT
    await_point session live
    cp -r "$pki" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" revoke bob >/dev/null
    list_of "$scratch.ca" "$scratch.ca" -crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z
    run -1 ctl reload
    [[ $output == *'CRL has expired'* ]]
    go_on live
    ended_well session
    says relay " removed .*identity=$(identity bob) .*certificate_revoked"
}

@test "a list that a wrong key has signed ends nobody, and relayctl tells of it" {
    start_broker
    start_relay listen
    start_play session <<'SCRIPT'
agent, client = session("alice")
named = poll("bob")
at_point("live")
agent.send(b"still")
assert client.read(5) == b"still"
assert named.silent(0.2)
SCRIPT
    await_point session live
    cp -r "$pki" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" revoke bob >/dev/null
    make_other_ca
    list_of "$scratch.ca" "$scratch.other" -crldays 30
    run -1 ctl reload
    [[ $output == *'CRL signature failure'* ]]
    go_on live
    ended_well session
}
