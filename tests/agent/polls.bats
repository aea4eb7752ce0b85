#!/usr/bin/env bats
# relayagent's polls: how many wait, at which relays, and when they begin anew.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

setup() {
    prepare
    echo_port=$(free_port)
}

start_echo() {
    start echo socat "TCP4-LISTEN:$echo_port,fork,reuseaddr,backlog=128" EXEC:cat
    wait_until 60 listening "$echo_port"
}

# agent [LINE...]: one that forwards to an echo.
agent() {
    printf '%s\n' -n "-k $scratch/alice/private.pem" "-c $scratch/alice/cert.pem" \
        "-a $scratch/ca.pem" "127.0.0.1:$relay_port" "$@" "127.0.0.1:$echo_port" >agent.conf
    : >agent.log
    start agent "${wrapper[@]}" bin/relayagent -C agent.conf
    wait_until 60 says agent ' start '
}

# waiting N: as many polls wait at the relay.
waiting() {
    kill -USR1 "$(pid_of agent)"
    [[ $(grep ' status relay=' agent.log | tail -n 1) == *" waiting=$1 "* ]]
}

# bats test_tags=slow
@test "-m N:MAX: polls follow the load up to MAX, and fall back when it ends" {
    configure 'match_timeout = 60'
    start_echo
    start_broker
    start_relay listen
    agent '-m 2:20'
    wait_until 60 waiting 2
    start_play load <<'SCRIPT'
def one(_):
    client = stone("alice", GET + b"hello")
    assert client.head() == OK
    assert client.read(5) == b"hello"
    client.finish()
    client.rest()

begin = time.monotonic()
in_threads(one, *range(60))
print(f"# 60 sessions at once: {time.monotonic() - begin:.1f} s")
SCRIPT
    wait_until 60 wants_more
    await_end load 100
    not grep -E ' wanted=(2[1-9]|[3-9][0-9]) ' agent.log
    wait_until 60 waiting 2
    says agent ' status relay=.* wanted=2 arrivals=60$'
}

# wants_more: than before, and on a slow machine far less than MAX.
wants_more() {
    kill -USR1 "$(pid_of agent)"
    grep -qE ' status relay=.* wanted=([5-9]|1[0-9]|20) ' agent.log
}

@test "several relays: polls at each, and sessions from any" {
    start_echo
    start_broker
    start_relay listen
    first=$relay_port
    second=$(free_port)
    sed "s/^listen.*/listen = 127.0.0.1:$second/; s/broker.sock/broker2.sock/" relay.conf >second.conf
    start broker2 bin/relay-broker -c second.conf
    wait_until 60 says broker2 ' start '
    start relay2 bin/relay-listen -c second.conf
    wait_until 60 says relay2 ' start '
    agent "127.0.0.1:$second"
    wait_until 60 says agent " waiting relay=127.0.0.1 port=$first "
    wait_until 60 says agent " waiting relay=127.0.0.1 port=$second "
    play <<SCRIPT
for port in ($first, $second):
    client = stone("alice", GET + b"hello", port=port)
    assert client.head() == OK and client.read(5) == b"hello"
    client.close()
SCRIPT
    # one that is gone does not hurt the other
    stop relay
    wait_until 60 says agent " not-connected relay=127.0.0.1:$first "
    play <<SCRIPT
client = stone("alice", GET + b"hello", port=$second)
assert client.head() == OK and client.read(5) == b"hello"
client.close()
SCRIPT
}

@test "polls that fail together are one line of the log, and one wait" {
    start_broker
    start_relay listen
    agent '-m 8'
    wait_until 60 waiting 8
    # all have failed before it hears of the first
    kill -STOP "$(pid_of agent)"
    stop relay
    wait_until 60 polls_have_ended
    kill -CONT "$(pid_of agent)"
    wait_until 60 says agent ' not-connected '
    start_relay listen
    wait_until 60 waiting 8
    [ "$(grep -c 'not-connected.*ended_the_poll' agent.log)" -eq 1 ]
}

# polls_have_ended: all children of the agent are zombies.
polls_have_ended() {
    not grep -v Z <<<"$(ps -o state= --ppid "$(pid_of agent)")"
}

# ---- suspension ----

# sleepy: a wrapper under which the clock of a suspended machine can jump.
sleepy() {
    cat >clock.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
#include <time.h>

/* The file's size, in seconds, is how long the machine has slept. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int (*real)(clockid_t, struct timespec *) =
	    (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	struct stat st;
	int rc = real(id, ts);

	if (id == CLOCK_BOOTTIME && stat(SLEPT, &st) == 0)
		ts->tv_sec += st.st_size;
	return rc;
}
C
    "${CC:-cc}" -shared -fPIC -DSLEPT="\"$scratch/slept\"" -o clock.so clock.c -ldl
    wrapper=(env "LD_PRELOAD=$scratch/clock.so")
}

@test "after a suspension the polls begin anew within 5 seconds" {
    sleepy
    start_broker
    start_relay listen
    agent
    wait_until 60 waiting 2
    before=$(grep -c ' waiting relay=' agent.log)
    # an hour
    truncate -s 3600 slept
    wait_until 60 says agent ' woke slept_ms=36[0-9]{5}$'
    wait_until 60 waiting 2
    [ "$(grep -c ' waiting relay=' agent.log)" -eq $((before + 2)) ]
    wait_until 60 [ "$(handlers)" -eq 2 ]
}

@test "after a short sleep nothing is done" {
    sleepy
    start_broker
    start_relay listen
    agent
    wait_until 60 waiting 2
    truncate -s 20 slept
    sleep 3
    not says agent ' woke '
    [ "$(grep -c ' waiting relay=' agent.log)" -eq 2 ]
}

# ---- signals ----

@test "SIGHUP rereads: new targets and certificates, and live sessions go on" {
    start_echo
    start_broker
    start_relay listen
    agent
    wait_until 60 waiting 2
    start_play live <<'SCRIPT'
client = stone("alice")
assert client.head() == OK
client.send(b"one")
assert client.read(3) == b"one"
at_point("half")
client.send(b"two")
assert client.read(3) == b"two"
client.finish()
client.rest()
SCRIPT
    await_point live half
    "$built/relay-ca" -d "$pki" renew alice >/dev/null 2>&1 || :
    other=$(free_port)
    start other socat "TCP4-LISTEN:$other,fork,reuseaddr" 'EXEC:echo other'
    wait_until 60 listening "$other"
    sed -i "s/:$echo_port\$/:$other/" agent.conf
    stop_hup
    wait_until 60 says agent ' reloaded$'
    wait_until 60 waiting 2
    play <<'SCRIPT'
client = stone("alice")
assert client.head() == OK and client.read(6) == b"other\n"
client.close()
SCRIPT
    go_on half
    ended_well live
}

stop_hup() {
    kill -HUP "$(pid_of agent)"
}

@test "SIGHUP with a bad file changes nothing, and says why" {
    start_echo
    start_broker
    start_relay listen
    agent
    wait_until 60 waiting 2
    echo '-z' >>agent.conf
    stop_hup
    wait_until 60 says agent ' reload-failed error=agent.conf:[0-9]+:_unknown_option_-z'
    waiting 2
    [ "$(grep -c ' waiting relay=' agent.log)" -eq 2 ]
}

@test "SIGUSR1 logs how it goes" {
    agent
    wait_until 60 says agent ' not-connected '
    kill -USR1 "$(pid_of agent)"
    wait_until 60 says agent " status relay=127.0.0.1:$relay_port waiting=0 parked=0 wanted=2 arrivals=0 error=127.0.0.1_port_$relay_port:_Connection_refused$"
    # a poll that has just failed is a process still
    wait_until 60 no_sessions
}

# no_sessions: asked again, the agent says so.
no_sessions() {
    kill -USR1 "$(pid_of agent)"
    says agent ' status sessions=0$'
}

# ---- as a service ----

# manager: stands in for systemd, and appends what it is told to told.
manager() {
    start manager socat -u "$1" "CREATE:$scratch/told"
}

@test "readiness is told by the protocol of sd_notify, -n in the file or not" {
    start_broker
    start_relay listen
    manager "UNIX-RECV:$scratch/notify"
    wait_until 60 [ -S notify ]
    wrapper=(env "NOTIFY_SOCKET=$scratch/notify")
    agent
    wait_until 60 grep -a 'READY=1' told
    wait_until 60 grep -a '2 polls wait at 1 of 1 relays' told
    stop agent
    wait_until 60 grep -a 'STOPPING=1' told
}

@test "readiness is told to an abstract socket" {
    manager "ABSTRACT-RECV:vw-$relay_port"
    wait_until 60 grep -q "@vw-$relay_port" /proc/net/unix
    wrapper=(env "NOTIFY_SOCKET=@vw-$relay_port")
    agent
    wait_until 60 grep -a 'READY=1' told
}

# ---- what expires ----

@test "a certificate that expires within 14 days is warned about, and no other" {
    start_broker
    start_relay listen
    agent
    wait_until 60 waiting 2
    not says agent ' expires '
    stop agent
    short=$(date -u -d '13 days' +%y%m%d%H%M%SZ)
    sign_until "$short"
    agent
    wait_until 60 says agent ' expires what=certificate of=this_agent at=20[0-9T:-]+Z days=1[23]$'
}

@test "an entitlement that expires within 14 days is warned about" {
    start relay python3 -c '
import hashlib, socket, ssl, sys, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "private.pem")
context.load_verify_locations("ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
polls = []
while True:
    poll = context.wrap_socket(server.accept()[0], server_side=True)
    poll.recv(1000)
    text = f"nusers=10&type=3&expire={int(time.time()) + 5 * 86400 + 60}"
    digest = hashlib.sha256(text.encode() + poll.getpeercert(True)).hexdigest()[:32]
    poll.send(f"HTTP/1.1 200 OK\r\nX-Customer: {text}&digest={digest}\r\n\r\n".encode())
    polls.append(poll)
' "$relay_port"
    wait_until 60 listening "$relay_port"
    agent
    wait_until 60 says agent " expires what=customer of=127.0.0.1:$relay_port at=20[0-9T:-]+Z days=5$"
    not says agent ' customer error='
}

# sign_until DATE: alice's key gets such a certificate.
sign_until() {
    : >index
    cat >ca.conf <<CONF
[ca]
default_ca = test
[test]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
CONF
    openssl req -new -key alice/private.pem -subj /CN=alice -out request.pem 2>/dev/null
    openssl ca -config ca.conf -batch -notext -extensions leaf -cert "$pki/ca.pem" \
        -keyfile "$pki/private/ca.pem" -enddate "$1" -in request.pem -out alice/cert.pem 2>/dev/null
}
