#!/usr/bin/env bats
# What an administrator can do: kick, drain, and set the level of the logs.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator

# ---- kick -------------------------------------------------------------------

kick_each_way() {
    local id
    # by the session's id
    start_play "id_$spawner" <<'SCRIPT'
agent, client = session("alice")
waiting = poll("alice")
at_point("id")
assert client.ends_in(2) == "reset"
assert agent.ends_in(2) == "reset"
assert waiting.silent(0.1)
SCRIPT
    await_point "id_$spawner" id
    id=$(ctl --json sessions | jq -r '.sessions[0].id')
    run -0 ctl kick "$id"
    [ "$output" = '1 ended' ]
    go_on id
    ended_well "id_$spawner"
    says broker " kicked id=$id .*cause=kicked by=$(id -u)$"
    says broker " session id=$id .*reason=kicked$"
    # whichever of the two is told first ends the session for the other
    says relay " end id=$id role=stone "
    says relay " end id=$id role=agent "
    says relay " end id=$id .*reason=Ended_by_the_administrator$"
    # by a waiting agent's id, by customer, by fingerprint
    for id in id customer "$(fingerprint bob)" "$(hex_of bob | sed 's/../&:/g; s/:$//' | tr a-f A-F)"; do
        start_play "wait_$spawner" <<'SCRIPT'
alices, bobs = poll("alice"), poll("bob")
at_point("wait")
ended = alices.ends_in(0.7) if os.path.exists(f"{SCRATCH}/alice.kicked") else bobs.ends_in(5)
assert ended == "clean"
SCRIPT
        await_point "wait_$spawner" wait
        case $id in
            id) id=$(ctl --json agents | jq -r '.agents[] | select(.customer == "alice").id') && : >alice.kicked ;;
            customer) id=alice && : >alice.kicked ;;
        esac
        run -0 ctl kick "$id"
        [ "$output" = '1 ended' ]
        go_on wait
        ended_well "wait_$spawner"
        rm -f ./*.reached ./*.passed alice.kicked
    done
}

@test "kick ends a session by its id within 2 s, and polls by id, customer and fingerprint" {
    stop broker
    through_each_spawner kick_each_way
}

@test "a stone that waits and is kicked gets 403 with the reason" {
    start_relay listen
    start_play stone <<'SCRIPT'
client = stone("alice")
at_point("asked")
answer = client.head()
assert answer.startswith(b"HTTP/1.1 403 Ended by the administrator\r\n"), answer
SCRIPT
    await_point stone asked
    wait_until 60 stone_waits
    ctl kick alice
    go_on asked
    ended_well stone
}

stone_waits() {
    [ "$(status_of stones)" -eq 1 ]
}

@test "kicking nobody fails, and says so" {
    run -1 ctl kick 00000000
    [ "$output" = 'relayctl: nobody here is 00000000' ]
}

# ---- drain ------------------------------------------------------------------

drains() {
    start_play "drain_$spawner" <<'SCRIPT'
pairs = [session("alice") for _ in range(5)]
waiting = poll("alice")
early = stone("bob")
until(lambda: early.silent(0.1))
at_point("moving")
assert early.head().startswith(b"HTTP/1.1 503 The relay is draining\r\n"), early.got
late = stone("alice")
assert late.head().startswith(b"HTTP/1.1 503 The relay is draining\r\n"), late.got
for agent, client in pairs:
    data = os.urandom(500000)
    sender = threading.Thread(target=lambda: (agent.send(data), agent.finish()))
    sender.start()
    assert client.read(len(data)) == data
    assert client.rest() == b""
    client.finish()
    assert agent.rest() == b""
    sender.join()
assert waiting.silent(0.2)
SCRIPT
    await_point "drain_$spawner" moving
    ctl drain | grep -x '5 sessions still live'
    [ "$(status_of draining)" = true ]
    go_on moving
    ended_well "drain_$spawner"
    await_end broker
    says broker ' draining sessions=5$'
    [ "$(grep -c ' session .*reason=done$' broker.log)" -eq 5 ]
    rm -f ./*.reached ./*.passed
    start_broker
}

@test "drain lets live sessions complete, begins none, and ends the broker with 0" {
    start_relay listen
    drains
    stop relay
    [ -n "$SYSLOG_FILE" ] || skip 'xinetd: needs root, and no other syslog daemon'
    start_relay xinetd
    drains
}

# ---- log-level --------------------------------------------------------------

@test "log-level changes the broker, the spawner and the handlers that live" {
    start_relay listen
    start_play talk <<'SCRIPT'
agent = poll("alice")
at_point("waiting")
tcp().close()
until(lambda: re.search("probe peer=" + CLIENT_ADDRESS, open(RELAY_LOG).read()))
SCRIPT
    await_point talk waiting
    run -0 ctl log-level debug
    [ "$output" = '2 handlers told' ]
    [ "$(status_of log_level)" = debug ]
    go_on waiting
    ended_well talk
    ctl log-level err
    stop relay
    not says relay ' draining '
    run -64 ctl log-level loud
    [ "$output" = 'relayctl: log-level loud: not debug, info, notice, warning or err' ]
}
