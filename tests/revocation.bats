#!/usr/bin/env bats
# A certificate that is no longer good: nobody gets in with it, and who is in
# has to go, while all others stay.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load helpers
load clients
load customers

names=(alice bob carol dave erin frank grace heidi ivan judy)

setup_file() {
    make_pki "${names[@]}"
}

setup() {
    prepare
    configure 'crl = crl.pem'
}

teardown() {
    end_all
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
assert idle["dave"].end(5) == "clean"
for t in threads:
    t.join()
good = hashlib.sha256(b"0123456789abcdef" * (SIZE // 16)).hexdigest()
for name, (ended, digest, when) in results.items():
    if name == "dave":
        assert ended == "reset" and when - revoked_at < 2, (ended, when - revoked_at)
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

@test "revoking one of ten ends its session and its poll within 2 s; nine transfers arrive whole" {
    through_each_spawner one_of_ten
}

@test "SIGHUP to the broker and to relay-listen does the same as relayctl reload" {
    local program
    start_broker
    start_relay listen
    for program in broker relay; do
        start_play "to_$program" <<SCRIPT
agents = [poll("alice"), poll("bob")]
at_point("$program")
gone = agents[0] if "$program" == "broker" else agents[1]
assert gone.end(5) == "clean"
SCRIPT
        await_point "to_$program" "$program"
        if [ "$program" = broker ]; then revoke alice; else revoke bob; fi
        kill -HUP "$(pid_of "$program")"
        go_on "$program"
        wait_until 5 says broker ' reloaded .*ended=1 '
        wait "$(pid_of "to_$program")" || [ "$program" = relay ]
        : >broker.log
    done
}
