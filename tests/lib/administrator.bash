# What the tests of relayctl share: a broker with a customer, and sessions.
#
# shellcheck shell=bash disable=SC2154

setup_file() {
    make_pki alice bob
}

setup() {
    prepare
    no_customers
    customer alice 'nusers = 5' 'expire = 2037-12-31'
    start_broker
}

teardown() {
    end_all
}

# live: a session and a poll of alice, a poll of bob; it ends at go_on live.
live() {
    start_play live <<'SCRIPT'
agent, client = session("alice")
client.send(b"u" * 5000)
agent.read(5000)
agent.send(b"d" * 70000)
client.read(70000)
waiting = poll("alice")
other = poll("bob")
at_point("live")
SCRIPT
    await_point live live
}

hex_of() {
    fingerprint "$1" | sed 's/.*://'
}
