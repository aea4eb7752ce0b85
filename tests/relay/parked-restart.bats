#!/usr/bin/env bats
# Parked polls outlive a restart of the broker, where a service manager keeps
# descriptors for it.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/parked

setup_file() {
    make_pki alice bob
}

# managed LINE...: a relay whose broker has such a manager.
managed() {
    configure 'park_after = 1' "$@"
    : >broker.log
    start broker python3 -SB "$tests/lib/fdstore.py" "$scratch/bin/relay-broker" -c "$scratch/relay.conf"
    await_start broker says broker ' start '
    start_relay listen
    wait_until 60 spawner_is_attached
}

# restarted COUNT: the broker ends and another one has begun, for that time.
restarted() {
    kill -HUP "$(pid_of broker)"
    wait_until 60 says_times broker $(($1 + 1)) ' start '
    wait_until 60 spawner_is_attached
}

twice() {
    restarted 1
    says broker '^FDSTORE=1 FDNAME=parked FDPOLL=0 2$'
    says broker '^passed 2$'
    says broker ' back parked=2 ended=0$'
    wait_until 60 says broker '^FDSTOREREMOVE=1 FDNAME=parked 0$'
    restarted 2
    says_times broker 2 ' back parked=2 ended=0$'
    ctl --json agents | jq -e '[.agents[] | select(.state == "parked")] | length == 2'
}

@test 'they live on, and are woken by the next one, and by that after it' {
    managed
    while_parked 'agents = [parked("alice"), parked("bob")]
at_point("parked")
for agent in agents:
    assert lives(agent)
for agent in agents:
    client = stone(agent.name)
    is_woken(agent)
    serves(poll_again(agent), client)' twice
}

@test 'a sign of life of which a part came before is whole with the rest' {
    managed
    while_parked 'agent = parked("alice")
agent.sock.sendall(SIGN[:2])
at_point("parked")
agent.sock.sendall(SIGN[2:])
assert take(agent, len(SIGN)) == SIGN' restarted 1
}

# between COMMAND...: a restart, with COMMAND while no broker is there.
between() {
    : >hold
    kill -HUP "$(pid_of broker)"
    wait_until 60 says broker '^ended$'
    "$@"
    rm hold
    wait_until 60 says_times broker 2 ' start '
    wait_until 60 spawner_is_attached
}

@test 'one that leaves meanwhile is not there any more' {
    managed
    while_parked 'stays, goes = parked("alice"), parked("bob")
at_point("parked")
goes.sock.close()
at_point("left")
assert lives(stays)' between bob_leaves
    says broker ' left .*parked=(closed|reset)$'
}

bob_leaves() {
    go_on parked
    await_point agents left
    : >parked.passed
    go_on left
}

@test 'who is not allowed any more ends' {
    : >customers
    managed 'customers = customers'
    while_parked "$gone_and_stays" between customer alice 'allow = no'
    says broker ' back parked=1 ended=1$'
}

gone_and_stays='
gone, stays = parked("alice"), parked("bob")
at_point("parked")
assert is_reset(gone)
assert lives(stays)'

@test 'who is revoked meanwhile ends' {
    cp "$pki/crl.pem" crl.pem
    give crl.pem
    managed 'crl = crl.pem'
    while_parked "$gone_and_stays" between revoke alice
    says broker ' back parked=1 ended=1$'
    says broker ' left .*parked=revoked$'
}

drained() {
    ctl drain
    wait_until 60 says_times broker 2 ' start '
    not says broker '^FDSTORE=1'
}

@test 'a drain keeps none' {
    managed
    while_parked 'agent = parked("alice")
at_point("parked")
assert is_reset(agent)' drained
}

@test 'a table that is not whole brings nobody back, and the broker serves' {
    managed
    : >spoil
    while_parked 'agent = parked("alice")
at_point("parked")
assert is_reset(agent)
agent = parked("alice")' restarted 1
    says broker ' back parked=0 ended=1$'
}

# bats test_tags=slow
@test 'more than fit into one packet are all there' {
    managed
    while_parked 'from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    agents = list(pool.map(lambda _: parked("alice"), range(260)))
at_point("parked")
for agent in agents:
    agent.sock.sendall(SIGN)
assert all(take(agent, len(SIGN)) == SIGN for agent in agents)' restarted 1
    says broker ' back parked=260 ended=0$'
}
