#!/usr/bin/env bats
# What ends parked polls: kicks, drains, revocations, the end of a certificate or
# of a customer, and a relay that has nobody to wake them.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/forge
load ../lib/parked

setup_file() {
    make_pki alice bob carol
}

# parking LINE...: a relay that parks who has waited for a second.
parking() {
    configure 'park_after = 1' "$@"
    start_broker
    start_relay listen
}

# ends NAME: alice's parked polls end within 2 s, and bob's stay.
ends='
gone, stays = [parked("alice"), parked("alice")], parked("bob")
at_point("parked")
since = time.monotonic()
for agent in gone:
    assert is_reset(agent)
assert in_time(time.monotonic() - since, 2)
assert lives(stays)
'

kick_alice() {
    ctl kick "$(identity alice)"
}

kick_by_id() {
    ctl kick "$(ctl --json agents | jq -r '[.agents[] | select(.state == "parked") | .id][0]')"
}

@test 'a kick ends them, by identity and by id' {
    parking
    while_parked "$ends" kick_alice
    says_times broker 2 ' kicked .*role=agent .*cause=kicked'
    while_parked 'agent = parked("alice")
at_point("parked")
assert is_reset(agent)' kick_by_id
}

@test 'a kick ends one that has not left TLS yet, as it is about to be parked' {
    parking
    while_parked 'agent = willing("alice")
assert agent.end() == "clean"
at_point("parked")
since = time.monotonic()
assert is_reset(agent)
assert in_time(time.monotonic() - since, 2)' kick_alice
    says broker ' kicked .*role=agent .*cause=kicked'
    not says broker ' parked id='
}

@test 'a revocation ends them within 2 s, and nobody else' {
    cp "$pki/crl.pem" crl.pem
    give crl.pem
    parking 'crl = crl.pem'
    while_parked "$ends" revoke alice
    says_times broker 2 ' left .*parked=revoked$'
    wait_until 60 says broker ' reloaded .*ended=2 '
}

other_authority() {
    cat "$pki/ca.pem" "$pki/ca.pem" >ca.new
    mv ca.new ca.pem
    give ca.pem
    ctl reload
}

@test 'where the authorities change all have to show their certificates again' {
    parking
    while_parked 'agents = [parked("alice"), parked("bob")]
at_point("parked")
for agent in agents:
    assert is_reset(agent)' other_authority
}

# alice_for SECONDS: the table of customers has her for so long.
alice_for() {
    : >customers
    customer alice "expire = $(in_seconds "$1")"
}

end_of_alice() {
    alice_for -1
    ctl reload
}

@test 'the end of a customer ends them' {
    alice_for 1000
    parking 'customers = customers'
    while_parked "$ends" end_of_alice
    says_times broker 2 ' kicked .*cause=expired'
}

@test 'a drain ends them, and nobody is parked while it lasts' {
    parking
    while_parked 'agent = parked("alice")
at_point("parked")
assert is_reset(agent)
agent = Peer("alice")' ctl drain
}

@test 'a reload and another limit of agents leave them' {
    alice_for 1000
    parking 'customers = customers'
    while_parked 'agents = [parked("alice"), parked("bob")]
at_point("parked")
assert all(lives(agent) for agent in agents)' ctl reload
}

@test 'a parked agent counts for max_agents, and is let in as it is woken' {
    customer alice 'max_agents = 1'
    parking 'customers = customers'
    while_parked '
agent = parked("alice")
refused(POLL + b"\r\n", 429, "All agents of this customer are here")
client = stone("alice")
is_woken(agent)
agent = poll_again(agent)
serves(agent, client)
at_point("parked")' true
}

@test 'a parked agent that is gone does not count for max_agents' {
    customer alice 'max_agents = 1'
    parking 'customers = customers'
    while_parked '
agent = parked("alice")
agent.reset()
poll("alice").close()
at_point("parked")' true
}

@test 'a certificate that ends while its agent is parked ends that' {
    forge brief "$(date -u -d '1 hour ago' +%Y%m%d%H%M%SZ)" "$(date -u -d '30 seconds' +%Y%m%d%H%M%SZ)" clientAuth
    cp -r "$pki/client/brief" .
    give brief
    parking
    while_parked '
agent = parked("brief")
at_point("parked")
assert is_reset(agent)' true
    says broker ' kicked .*cause=certificate-expired$'
}

@test 'without a relay-listen for 10 seconds all come back by whatever way there is' {
    parking
    while_parked 'agent = parked("alice")
at_point("parked")
assert is_reset(agent)' stop relay
    says broker ' no-spawner parked=1$'
}

another_listen() {
    stop relay
    start_relay listen
}

@test 'one that is started again within that time wakes them for the stones that wait' {
    parking
    while_parked 'agent = parked("alice")
at_point("parked")
client = stone("alice")
is_woken(agent)
agent = poll_again(agent)
serves(agent, client)' another_listen
}

# a_new_broker: while relay-listen can do nothing.
a_new_broker() {
    kill -STOP "$(pid_of relay)"
    stop broker KILL || :
    start_broker
    wait_until 60 one_agent
    kill -CONT "$(pid_of relay)"
}

one_agent() {
    [ "$(status_of agents 2>/dev/null)" = 1 ]
}

@test 'who waits as the broker is back before relay-listen is parked all the same' {
    configure 'park_after = 3'
    start_broker
    start_relay listen
    while_parked '
agent = willing("alice")
at_point("parked")
leave_tls(agent)
assert lives(agent)' a_new_broker
}
