#!/usr/bin/env bats
# What xinetd accepts is handed over to relay-listen where that runs, and served
# alone where not; and xinetd counts the same either way.
#
# shellcheck disable=SC2030,SC2031,SC2034,SC2154,SC2317

load ../lib/helpers
load ../lib/clients
load ../lib/customers
load ../lib/handoff

# ---- both ways ----------------------------------------------------------------

@test "relay-handoff is linked to libc alone" {
    needs_plain 'their libraries are linked in'
    run -0 ldd "$scratch/bin/relay-handoff"
    # the interpreter and the kernel's page are no libraries
    [ "$(grep -vE 'linux-vdso|ld-linux|/ld' <<<"$output" | awk '{ print $1 }')" = libc.so.6 ]
}

# bats test_tags=slow
@test "a stone, an agent and openssl s_client are served by handlers of relay-listen" {
    with_both
    start_line alice
    are_below relay '2 relay-handoff'
    are_below forker '2 relay-listen'
    client sessions "$stone_port" alice 4 2
    wait_until 60 are_below relay '2 relay-handoff'
    run -0 s_client bob <<<$'GET /KLAB/x HTTP/1.1\n'
    [[ $output == *'404 Below /KLAB/'* ]]
    says forker ' refused status=404 '
    says forker ' agent-waits '
    says forker ' matched .*role=stone '
    not says relay .
    stop_line alice
    wait_until 60 are_below relay ''
    wait_until 60 are_below forker ''
}

@test "what a balancer says of its client is read by the handler of relay-listen" {
    configure "proxy_from = $client_address"
    with_both
    play <<'SCRIPT'
from proxy_headers import header
agent = poll("alice", before=header("192.0.2.6"))
client = stone("alice", before=header("192.0.2.7"))
assert head_of_stone(agent) == b"GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
SCRIPT
    says forker ' agent-waits .*peer=192\.0\.2\.6:4711 '
}

@test "where no relay-listen runs, the same entry serves them alone and says so" {
    with_xinetd
    start_line alice
    are_below relay '2 relay-handler'
    client sessions "$stone_port" alice 4 2
    says relay "relay-handoff.* not-handed-over handoff=$scratch/handoff.sock error=No_such_file"
    stop_line alice
    works
    says relay ' matched .*role=stone '
}

@test "where relay.conf has no handoff, the same entry serves them alone and does not" {
    sed -i '/^handoff/d' relay.conf
    with_xinetd
    works
    says relay ' matched .*role=stone '
    not says relay 'not-handed-over'
}

@test "a configuration that is wrong is told by relay-handler" {
    with_xinetd
    echo 'no = such' >>relay.conf
    run -1 s_client alice </dev/null
    wait_until 60 says relay 'relay-handler.*: .*relay.conf:[0-9]+: unknown key no'
}

@test "relay-listen may accept for itself too" {
    local own
    own=$(free_port)
    configure "listen = 127.0.0.1:$own"
    with_both
    works
    play <<SCRIPT
agent = poll("alice", port=$own)
client = stone("alice")
assert head_of_stone(agent).startswith(b"GET / ")
SCRIPT
}

@test "without listen and handoff relay-listen does not start" {
    sed -i '/^handoff/d' relay.conf
    run -78 "$scratch/bin/relay-listen" -c relay.conf
    [[ $output == *'no listen line, and no handoff' ]]
}

@test "two relay-listen do not serve one handoff" {
    start_forker
    run -69 "$scratch/bin/relay-listen" -c relay.conf
    [[ $output == *'another process serves it' ]]
}

@test "one handler of relay-listen serves what is handed over, as often as it may" {
    local turn idles=(1 2 2 3 4 4 5)
    configure 'handler_uses = 3'
    start_keyd
    with_xinetd
    start_forker -d
    wait_until 60 forker_is_known
    for turn in {0..6}; do
        run -0 s_client alice <<<$'GET /KLAB/x HTTP/1.1\n'
        [[ $output == *'404 Below /KLAB/'* ]]
        wait_until 60 are_below relay ''
        wait_until 60 says_times forker "${idles[turn]}" ' idle '
        [ $((turn % 3)) -ne 2 ] || wait_until 60 are_below forker ''
    done
    [ "$(sed -n 's/.*\[\([0-9]*\)\]: refused .*/\1/p' forker.log | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" = '3 3 1 ' ]
    not says forker ' descriptors-left'
}

@test "xinetd that ends what was handed over ends no more than that" {
    configure 'handler_uses = 100'
    start_keyd
    with_xinetd
    start_forker -d
    wait_until 60 forker_is_known
    start_play ended <<'SCRIPT'
agent = poll("alice")
at_point("waits")
assert agent.rest() == b""
SCRIPT
    await_point ended waits
    kill -TERM "$(pgrep -P "$(pid_of relay)")"
    go_on waits
    ended_well ended
    wait_until 60 are_below relay ''
    for turn in 1 2; do
        run -0 s_client alice <<<$'GET /KLAB/x HTTP/1.1\n'
        [[ $output == *'404 Below /KLAB/'* ]]
        wait_until 60 says_times forker "$turn" ' idle '
    done
    wait_until 60 are_below forker '1 relay-listen'
}

# ---- what xinetd counts ---------------------------------------------------------

# two_at_most LIMIT: xinetd's limit of two connections, by those that are handed over.
two_at_most() {
    entry_edit="s/^\([[:space:]]*$1[[:space:]]*= \).*/\12/"
    with_both
    start_play limited <<'SCRIPT'
agent, client = session("alice")
at_point("both")
def closed():
    sock = tcp()
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
assert closed()
assert closed()
client.finish()
agent.finish()
agent.rest()
client.rest()
agent.close()
client.close()
until(lambda: not os.path.exists("/proc/" + open("handoff").read().strip()))
works("alice")
SCRIPT
    await_point limited both
    pgrep -P "$(pid_of relay)" | head -n 1 >handoff
    go_on both
    ended_well limited
}

@test "xinetd's instances hold for what is handed over" {
    two_at_most instances
}

@test "xinetd's per_source holds for what is handed over" {
    two_at_most per_source
}

@test "xinetd logs how long a connection lasted that was handed over" {
    entry_edit="s,log_on_success.*,log_on_success = DURATION EXIT\nlog_type = FILE $scratch/exits.log,"
    with_both
    play <<'SCRIPT'
agent = poll("alice")
time.sleep(1.2)
agent.close()
SCRIPT
    wait_until 60 grep -E 'EXIT: vpn-warp-relay status=0 .*duration=[1-9]' exits.log
}
