#!/usr/bin/env bats
# A reload: who asks, who is asked, what it counts, and that nothing is lost by it.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers

setup_file() {
    make_pki alice bob carol dave
}

setup() {
    prepare
    configure 'crl = crl.pem'
}

# handler_of NAME: the pid of the handler with which NAME's poll waits.
handler_of() {
    sed -n "s/.*relay-listen\[\([0-9]*\)\]: agent-waits .*$(identity "$1")\$/\1/p" relay.log
}

# has_reloads COUNT: so many have begun.
has_reloads() {
    ctl status --json | jq -e ".status.reloads_total >= $1"
}

@test "a reload that overtakes another counts whom that one ended" {
    start_broker
    start_relay listen
    start_play both <<'SCRIPT'
gone, stays = poll("alice"), poll("carol")
at_point("waiting")
assert gone.ends_in(5) == "clean"
SCRIPT
    await_point both waiting
    # one that does not answer keeps the first reload from ending
    kill -STOP "$(handler_of carol)"
    revoke alice
    go_on waiting
    ended_well both
    ctl reload >second.out &
    second=$!
    wait_until 60 has_reloads 2
    kill -CONT "$(handler_of carol)"
    wait "$second"
    cat second.out
    grep -E ' 1 ended' second.out
}

@test "who presents a certificate while the files are read again is checked again, too" {
    start_broker
    start_relay listen
    start_play late <<'SCRIPT'
peer = Peer("alice")
at_point("shaken")
peer.send(POLL + b"\r\n")
try:
    peer.head()
except AssertionError:
    pass
assert peer.ends_in(5) == "clean"
SCRIPT
    await_point late shaken
    revoke alice
    ctl reload
    go_on shaken
    ended_well late
}

@test "a broken file at a reload ends nobody, and relayctl tells which it is" {
    start_broker
    start_relay listen
    start_play session <<'SCRIPT'
agent, client = session("alice")
waiting = poll("bob")
at_point("live")
assert waiting.silent(0.5)
agent.send(b"still")
assert client.read(5) == b"still"
SCRIPT
    await_point session live
    echo nonsense >crl.pem
    run -1 ctl reload
    [[ $output == *"$scratch/crl.pem"* ]]
    says relay ' reload-failed .*crl.pem'
    go_on live
    ended_well session
}

@test "many reloads under load, with changing certificates, lose no byte, descriptor or process" {
    local count i
    count=$(often 100)
    start_broker
    start_relay listen
    cp cert.pem cert.1
    cp private.pem private.1
    "$built/relay-ca" -d "$pki" renew 127.0.0.1 >/dev/null
    take_baseline
    start_play load <<'SCRIPT'
stop = threading.Event()
errors = []
def carry(name):
    try:
        while not stop.is_set():
            agent, client = session(name)
            data = os.urandom(300000)
            sender = threading.Thread(target=lambda: (client.send(data), client.finish()))
            sender.start()
            assert agent.read(len(data)) == data
            assert agent.rest() == b""
            agent.finish()
            assert client.rest() == b""
            sender.join()
    except Exception as error:
        errors.append((name, error))
def stay(name):
    agent, client = session(name)
    waiting = poll(name)
    while not stop.is_set():
        agent.send(b"x")
        assert client.read(1) == b"x"
        time.sleep(0.01)
    if not waiting.silent(0.05):
        errors.append((name, "poll ended"))
threads = [threading.Thread(target=carry, args=(n,)) for n in ("alice", "bob", "carol")]
threads.append(threading.Thread(target=stay, args=("dave",)))
for t in threads:
    t.start()
at_point("moving")
stop.set()
for t in threads:
    t.join()
assert not errors, errors
SCRIPT
    await_point load moving
    for ((i = 1; i <= count; i++)); do
        if ((i % 2)); then
            cp "$pki"/server/127.0.0.1/{cert,private}.pem .
        else
            cp cert.1 cert.pem
            cp private.1 private.pem
        fi
        give cert.pem private.pem
        ctl reload >>reloads
    done
    go_on moving
    ended_well load
    [ "$(grep -c ' checked, 0 ended$' reloads)" -eq "$count" ]
    assert_back_to_baseline
}

@test "a relay-listen that has read its files since the broker did is not told to" {
    start_broker
    start_relay listen
    wait_until 60 spawner_is_attached
    ctl reload
    says_times relay 1 ' reloaded'
}

@test "with xinetd alone, a reload needs no relay-listen, and says that there is none" {
    sed -i '/^listen/d' relay.conf
    start_broker
    run -0 ctl reload
    [[ $output == *'0 checked, 0 ended, no relay-listen'* ]]
}
