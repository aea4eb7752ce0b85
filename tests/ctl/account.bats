#!/usr/bin/env bats
# What customers have used, kept over the ends of brokers, and counted once.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator
load ../lib/docs

# account: what was counted so far goes to the ledger.
account() {
    ctl account --file usage.db
}

# used CUSTOMER: sessions, bytes up and down of all days, as the ledger has them.
used() {
    ctl usage --json --file usage.db | jq -c '[.usage[] | select(.customer == "'"$1"'")]
        | [(map(.sessions) | add), (map(.up) | add), (map(.down) | add)]'
}

# counted UP DOWN: whether alice's counters say so.
counted() {
    [ "$(ctl --json customers | jq -c '.customers[] | select(.name == "alice") | [.up_total, .down_total]')" = "[$1,$2]" ]
}

# flow: a session of alice that moves more bytes at each go_on, after which it is
# at the next of the points one, two and three.
flow() {
    start_play flow <<'SCRIPT'
agent, client = session("alice")
for point in ("one", "two", "three"):
    client.send(b"u" * 5000)
    agent.read(5000)
    agent.send(b"d" * 70000)
    client.read(70000)
    at_point(point)
SCRIPT
    await_point flow one
}

# clock SECONDS COMMAND...: with a clock that is so much fast.
clock() {
    local seconds=$1
    shift
    [ -e clock.so ] || cc -shared -fPIC -o clock.so -x c - <<'SOURCE'
#include <stdlib.h>
#include <time.h>
time_t time(time_t *t)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += atol(getenv("CLOCK_FAST"));
    if (t != NULL)
        *t = now.tv_sec;
    return now.tv_sec;
}
SOURCE
    CLOCK_FAST=$seconds LD_PRELOAD=$scratch/clock.so "$@"
}

@test "what was counted is added once, and shown as a table, as JSON and as CSV" {
    start_relay listen
    account
    flow
    wait_until 60 counted 5000 70019
    account
    account
    [ "$(used alice)" = '[1,5000,70019]' ]
    [ "$(used default)" = '[null,null,null]' ]
    local day
    day=$(date -u +%F)
    run -0 ctl usage --file usage.db
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} =~ ^DAY\ +CUSTOMER\ +SESSIONS\ +UP\ +DOWN$ ]]
    [[ ${lines[1]} =~ ^20[0-9-]{8}\ +alice\ +1\ +4.9K\ +68K$ ]]
    run -0 ctl usage --csv --file usage.db
    [ "${lines[0]}" = day,customer,sessions,up,down ]
    [[ ${lines[1]} =~ ^"${day%??}"..,alice,1,5000,70019$ ]]
    ctl usage --json --file usage.db | jq -e '.version == 1 and (.usage | length == 1)
        and (.usage[0] | keys == (["day", "customer", "sessions", "up", "down"] | sort))'
    go_on one
    await_point flow two
    wait_until 60 counted 10000 140019
    account
    [ "$(used alice)" = '[1,10000,140019]' ]
    [ "$(stat -c %a usage.db)" -eq 640 ]
}

@test "a session that outlives its broker is counted once, and grows on" {
    start_relay listen
    account
    flow
    wait_until 60 counted 5000 70019
    account
    stop broker KILL || :
    run -69 ctl account --file usage.db
    [ "$(used alice)" = '[1,5000,70019]' ]
    start_broker
    wait_until 60 has_sessions 1
    account
    [ "$(used alice)" = '[1,5000,70019]' ]
    go_on one
    await_point flow two
    # the second side may have told of some of them as it came
    wait_until 60 counted 5000 70000
    account
    [ "$(used alice)" = '[1,10000,140019]' ]
    # what the broker has counted since the last account is all that a kill loses
    go_on two
    await_point flow three
    wait_until 60 counted 10000 140000
    stop broker KILL || :
    start_broker
    wait_until 60 has_sessions 1
    go_on three
    await_end flow
    wait_until 60 has_sessions 0
    account
    [ "$(used alice)" = '[1,10000,140019]' ]
    # of the brokers that are gone nothing is kept
    [ "$(sqlite3 usage.db 'select count(*) from broker')" -eq 1 ]
}

@test "one that is killed before it commits has added nothing" {
    start_relay listen
    account
    flow
    wait_until 60 counted 5000 70019
    # it has locked the ledger, and waits for the broker
    read_pid broker
    local broker=$pid
    kill -STOP "$broker"
    start account "$scratch/bin/relayctl" -c relay.conf account --file usage.db
    wait_until 60 is_locked
    stop account KILL || :
    kill -CONT "$broker"
    [ "$(used alice)" = '[null,null,null]' ]
    account
    [ "$(used alice)" = '[1,5000,70019]' ]
}

# is_locked: whether somebody writes the ledger.
is_locked() {
    ! sqlite3 usage.db 'begin immediate; rollback' 2>/dev/null
}

@test "many at once count what one would" {
    start_relay listen
    account
    flow
    wait_until 60 counted 5000 70019
    local i
    for i in {1..8}; do
        start "account$i" "$scratch/bin/relayctl" -c relay.conf account --file usage.db
    done
    for i in {1..8}; do
        await_end "account$i"
        [ ! -s "account$i.log" ]
    done
    [ "$(used alice)" = '[1,5000,70019]' ]
}

@test "two relays may share a ledger" {
    start_relay listen
    account
    flow
    wait_until 60 counted 5000 70019
    mkdir other
    give other
    sed 's/broker.sock/other.sock/; /^listen/d; /^customers/d' relay.conf >other.conf
    start other "$scratch/bin/relay-broker" -c other.conf
    await_start other says other ' start '
    for _ in 1 2 3; do
        account
        timeout 60 "$scratch/bin/relayctl" -c other.conf account --file usage.db
    done
    [ "$(used alice)" = '[1,5000,70019]' ]
}

@test "a session that is called off and made again is one" {
    start_relay listen
    account
    play <<'SCRIPT'
# the first agent does not answer in time
deaf, good = poll("alice", b"X-Agent: a1"), poll("alice", b"X-Agent: b2")
client = stone("alice")
head_of_stone(good)
good.send(b"\r\n" + OK)
assert client.head() == OK
logged(deaf, "matched .* result=unconfirmed")
SCRIPT
    says_times broker 2 ' paired '
    account
    [ "$(used alice | cut -d , -f 1)" = '[1' ]
}

@test "days are apart, and what a broker counted on days before is left out" {
    start_relay listen
    flow
    wait_until 60 counted 5000 70019
    [ "$(status_of uptime)" -ge 1 ] # it reports every 2 seconds
    local fast=$((86400 - $(date +%s) % 86400))
    # just after midnight nobody knows how much of it was yesterday
    run -0 clock "$fast" ctl account --file usage.db
    [ "$output" = 'relayctl: this broker began before today: what it has counted so far is of no known day, and left out' ]
    [ "$(used alice)" = '[null,null,null]' ]
    go_on one
    await_point flow two
    wait_until 60 counted 10000 140019
    run -0 clock "$fast" ctl account --file usage.db
    echo "said: $output"
    [ -z "$output" ]
    go_on two
    await_point flow three
    wait_until 60 counted 15000 210019
    clock $((fast + 86400)) ctl account --file usage.db
    run -0 ctl usage --csv --file usage.db
    [ "${#lines[@]}" -eq 3 ]
    [[ ${lines[1]} == *,alice,0,5000,70000 ]]
    [[ ${lines[2]} == *,alice,0,5000,70000 ]]
    run -0 ctl usage --csv --file usage.db --since "${lines[2]%%,*}"
    [ "${#lines[@]}" -eq 2 ]
    run -0 ctl usage --csv --file usage.db --since 9999-01-01
    [ "${#lines[@]}" -eq 1 ]
}

@test "usage needs no broker, and each error has its line" {
    account
    stop broker
    run -0 ctl usage --file usage.db
    run -66 ctl usage --file missing.db
    [ "$output" = 'relayctl: missing.db: No such file or directory (relayctl account makes it)' ]
    run -69 ctl account --file usage.db
    run -64 ctl usage --since yesterday --file usage.db
    [ "$output" = 'relayctl: --since yesterday: not a date such as 2026-11-30' ]
    run -64 ctl usage --csv --json
    run -64 ctl status --csv
    [ "$output" = 'relayctl: status: --csv is not for this' ]
    run -64 ctl metrics --since 2026-11-30
    run -64 ctl agents --file usage.db
    run -64 ctl usage --textfile usage.prom
    start_broker
    run -73 ctl account --file missing/usage.db
    [ "$output" = 'relayctl: missing/usage.db: No such file or directory' ]
    echo 'no ledger, but a file that somebody needs' >text
    run -74 ctl account --file text
    [ "$output" = 'relayctl: text: file is not a database' ]
    [ "$(cat text)" = 'no ledger, but a file that somebody needs' ]
    sqlite3 usage.db 'pragma user_version = 2'
    run -74 ctl account --file usage.db
    [ "$output" = 'relayctl: usage.db: its tables are of version 2, and this is a relayctl for version 1' ]
}

@test "the ledger is as the manual describes it, and its query works" {
    account
    sqlite3 usage.db "insert into usage values ('2026-11-29', 'alice', 2, 30, 400), ('2026-11-30', 'alice', 1, 0, 5),
        ('2026-11-30', 'bob', 1, 1000, 0), ('2026-12-01', 'bob', 7, 7, 7)"
    [ "$(sqlite3 usage.db 'pragma table_info(usage)' | cut -d '|' -f 2,3,6 | xargs)" = \
        "$(example relayctl.8 'CREATE TABLE usage' | awk '/ (TEXT|INTEGER),/ { sub(",", "", $2); print $1 "|" $2 "|" ($1 == "day" ? 1 : $1 == "customer" ? 2 : 0) }' | xargs)" ]
    eval "$(commands relayctl.8 'sqlite3 -box' | sed "s,/var/lib/vpn-warp/,,")" >answer
    [ "$(tr -dc 'a-z0-9 \n' <answer | sed -nE '/^ (alice|bob)/s/ +/ /gp' | xargs)" = 'bob 1 1000 alice 3 435' ]
}

@test "no program but relayctl has SQLite in it" {
    needs_plain 'what a linker does is the same'
    local program
    for program in "$scratch"/bin/relay*; do
        [[ $program != *relay-ca ]] || continue
        ldd "$program" >"${program##*/}.libraries"
    done
    run -0 grep -l libsqlite3 ./*.libraries
    [ "$output" = ./relayctl.libraries ]
}
