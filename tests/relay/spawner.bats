#!/usr/bin/env bats
# relay-listen: how it drains, reloads, and where it listens.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice bob client-{0..9}
}

# ---- signals ----

@test "SIGTERM drains relay-listen: waiting agents end, a live session completes, then it ends with 0" {
    with_relay
    start_play traffic <<'SCRIPT'
waiting = poll("bob")
agent, client = session("alice")
client.send(b"before")
assert agent.read(6) == b"before"
at_point("drain")
assert waiting.rest() == b""
try:
    tcp().close()
    assert False, "it still accepts"
except ConnectionRefusedError:
    pass
client.send(b"after")
assert agent.read(5) == b"after"
at_point("drained")
client.finish()
assert agent.rest() == b""
agent.finish()
assert client.rest() == b""
SCRIPT
    await_point traffic drain
    kill -TERM "$(pid_of relay)"
    wait_until 60 says relay ' draining handlers=3$'
    go_on drain
    await_point traffic drained
    running relay
    go_on drained
    ended_well traffic
    await_end relay
    says relay ' stop$'
}

@test "a stone that waits when relay-listen is drained gets 503" {
    with_relay
    start_play visitor <<'SCRIPT'
client = stone("alice")
assert client.silent(0.5)
at_point("drain")
answer = client.rest()
assert answer.startswith(b"HTTP/1.1 503 The relay is stopping\r\n"), answer
SCRIPT
    await_point visitor drain
    stop relay &
    go_on drain
    ended_well visitor
    await_end relay
}

@test "a second SIGTERM ends relay-listen with its sessions" {
    with_relay
    start_play traffic <<'SCRIPT'
agent, client = session("alice")
at_point("live")
assert agent.end() != "clean"
assert client.end() != "clean"
SCRIPT
    await_point traffic live
    kill -TERM "$(pid_of relay)"
    wait_until 60 says relay ' draining '
    kill -TERM "$(pid_of relay)"
    await_end relay
    go_on live
    ended_well traffic
}

# served_serial: the serial number of the certificate that the relay shows.
served_serial() {
    s_client alice <<<$'GET /KLAB/x HTTP/1.1\n' | openssl x509 -noout -serial
}

@test "SIGHUP takes new certificates and a new CRL, and costs no session" {
    with_relay
    start_play traffic <<'SCRIPT'
waiting = poll("client-0")
agent, client = session("alice")
at_point("reloaded")
client.send(b"same session")
assert agent.read(12) == b"same session"
assert waiting.silent(0.1)
SCRIPT
    await_point traffic reloaded
    cp -r "$pki" "$scratch.ca"
    "$built/relay-ca" -d "$scratch.ca" renew 127.0.0.1 >/dev/null
    cp "$scratch.ca"/server/127.0.0.1/*.pem .
    give "$scratch"/*.pem
    revoke bob
    configure 'crl = crl.pem'
    local before
    before=$(served_serial)
    kill -HUP "$(pid_of relay)"
    wait_until 60 says relay ' reloaded$'
    [ "$(served_serial)" = "$(openssl x509 -in cert.pem -noout -serial)" ]
    [ "$(served_serial)" != "$before" ]
    run s_client bob <<<$'GET /KLAB/x HTTP/1.1\n'
    [[ $output != *HTTP/1.1* ]]
    wait_until 60 says relay 'tls-refused .*reason=certificate_revoked subject=/CN=bob '
    go_on reloaded
    ended_well traffic
}

# keeps_the_old REASON: SIGHUP changes nothing, and the log says why.
keeps_the_old() {
    local before
    before=$(served_serial)
    : >relay.log
    kill -HUP "$(pid_of relay)"
    wait_until 60 says relay " reload-failed error=.*$1"
    [ "$(served_serial)" = "$before" ]
    play <<'SCRIPT'
works("alice")
SCRIPT
}

@test "SIGHUP with a bad file keeps what was loaded, and says which file" {
    with_relay
    cp cert.pem good.pem
    echo garbage >cert.pem
    keeps_the_old cert.pem
    cp bob/cert.pem cert.pem
    keeps_the_old cert.pem
    cp good.pem cert.pem
    chmod 640 private.pem
    keeps_the_old private.pem
    chmod 600 private.pem
    configure 'nonsense'
    keeps_the_old 'relay.conf:[0-9]+:'
}

# ---- listeners ----

@test "relay-listen serves IPv4 and IPv6 and several listen lines" {
    [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip 'no IPv6 here'
    local second
    second=$(free_port)
    with_relay "listen = [::1]:$relay_port" "listen = 127.0.0.1:$second"
    SECOND=$second play <<'SCRIPT'
agent = poll("alice", port=int(os.environ["SECOND"]))
client = stone("alice", host="::1")
assert b"\r\nX-Forwarded-For: ::1\r\n" in head_of_stone(agent)
agent.send(OK)
assert client.head() == OK
logged(client, " matched ")
client.close()
agent.close()
SCRIPT
    assert_back_to_baseline
}

@test "a port that is taken is an error with its address" {
    with_relay
    run -69 timeout 60 bin/relay-listen -c relay.conf
    [[ $output == *"listen 127.0.0.1 port $relay_port: Address already in use"* ]]
}

# ---- what -t finds ----

@test "with -t each program names the line of a user that cannot be" {
    local program
    sed 's/^user.*/user = nobdy/' relay.conf >stranger.conf
    sed 's/^user.*/user = root/' relay.conf >root.conf
    for program in relay-broker relay-listen relay-handler; do
        run -67 "$scratch/bin/$program" -t -c stranger.conf
        [ "$output" = "$program: stranger.conf:6: user nobdy: no such user: set user to an unprivileged one" ]
        run -78 "$scratch/bin/$program" -t -c root.conf
        [ "$output" = "$program: root.conf:6: user root is root: set user to an unprivileged one" ]
    done
}

@test "with -t, at the start and at a reload a file that the relay's user cannot read is told, and of whom" {
    is_root || skip 'needs root'
    local program uid
    uid=$(id -u "$relay_user")
    configure 'customers = customers'
    : >customers
    with_relay
    chmod 600 customers private.pem
    chown root customers private.pem
    run -1 "$scratch/bin/relayctl" -c relay.conf reload
    [[ $output == *"customers: Permission denied for uid $uid: chown it to that user" ]]
    stop relay
    stop broker
    for program in 'relay-broker -t' relay-broker; do
        # shellcheck disable=SC2086 # an option
        run -78 timeout 60 "$scratch"/bin/$program -c relay.conf
        [ "$output" = "relay-broker: customers: Permission denied for uid $uid: chown it to that user" ]
    done
    for program in 'relay-listen -t' relay-listen 'relay-handler -t'; do
        # shellcheck disable=SC2086 # an option
        run -78 timeout 60 "$scratch"/bin/$program -c relay.conf
        [ "$output" = "${program% -t}: private.pem: Permission denied for uid $uid: chown it to that user" ]
    done
}
