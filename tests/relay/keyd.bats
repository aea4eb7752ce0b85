#!/usr/bin/env bats
# The relay's key lies with relay-keyd alone, which signs for the handlers.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/keyd

setup_file() {
    make_pki alice
    cp -r "$pki" "$pki.renewed"
    "$built/relay-ca" -d "$pki.renewed" renew 127.0.0.1 >/dev/null
}

# with_keyd: a relay whose handlers have no key.
with_keyd() {
    start_keyd
    start_broker
    start_relay listen
}

# put_key FILE: in the place of the relay's.
put_key() {
    install -m 600 "$1" private.pem
    ! is_root || chown "$keyd_user" private.pem
}

put_certificate() {
    cp "$1" cert.pem
}

ctl() {
    bin/relayctl -c relay.conf "$@" 3>&-
}

# ---- it signs -----------------------------------------------------------------

@test 'a session begins, by relay-listen and by xinetd, though neither can read the key' {
    start_keyd
    ! is_root || run -1 unprivileged test -r private.pem
    through_each_spawner works
}

@test 'keys of each kind sign, with TLS 1.3 and with TLS 1.2' {
    local kind
    configure 'tls_min = 1.2'
    start_broker
    for kind in '-newkey rsa:2048' '-newkey ed25519' '-newkey ec -pkeyopt ec_paramgen_curve:P-256' \
        '-newkey ec -pkeyopt ec_paramgen_curve:P-384' \
        '-newkey ec -pkeyopt ec_paramgen_curve:P-521'; do
        echo "$kind"
        # shellcheck disable=SC2086
        new_pair $kind
        put_key new.pem
        start_keyd
        serves_each_version
    done
}

@test 'a request of TLS 1.2 is none where the relay has TLS 1.3 alone' {
    with_keyd
    run -0 ask 'print(ask(message=bytes(64) + b"\x03\x00\x1d\x20" + bytes(32)))'
    [ "$output" = 'not what a TLS server signs' ]
}

# ---- where the key is, and is not ---------------------------------------------

# secrets: the numbers that make the key, in hexadecimal, as they lie in memory.
secrets() {
    openssl pkey -in private.pem -noout -text | python3 -SB -c '
import re, sys
for found in re.findall(r"^(?:priv|prime1|privateExponent):\n((?: +.*\n)+)", sys.stdin.read(), re.M):
    print(re.sub(r"[\s:]", "", found).removeprefix("00"))
'
}

# has_secret PID: whether its memory holds the key, in either order of bytes, or
# its PEM.
has_secret() {
    python3 -SB - "$1" "$(secrets)" private.pem <<'END'
import re, sys
pid, numbers, pem = sys.argv[1:]
wanted = [bytes.fromhex(number) for number in numbers.split()]
assert wanted and all(len(number) >= 31 for number in wanted)
wanted += [number[::-1] for number in wanted] + [open(pem, "rb").read().splitlines()[1]]
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
    for line in maps:
        start, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        if mode[0] != "r" or "[v" in line:
            continue
        try:
            memory.seek(int(start, 16))
            data = memory.read(int(end, 16) - int(start, 16))
        except OSError:  # pages that nobody may read
            continue
        if any(one in data for one in wanted):
            sys.exit(0)
sys.exit(1)
END
}

@test 'neither relay-listen nor a handler, before or after its handshake, has the key in memory' {
    is_root || skip 'needs root, to read memory'
    local kind pid children
    start_broker
    for kind in '-newkey rsa:2048' '-newkey ec -pkeyopt ec_paramgen_curve:P-256'; do
        # shellcheck disable=SC2086
        new_pair $kind
        put_key new.pem
        start_keyd
        start_relay listen
        start_play clients <<'END'
waiting = poll("alice")
silent = tcp()
at_point("there")
END
        await_point clients there
        wait_until 60 two_handlers
        read_pid relay
        children_of "$pid"
        for pid in "$pid" "${children[@]}"; do
            run -1 has_secret "$pid"
        done
        # so it would have been found
        read_pid keyd
        has_secret "$pid"
        go_on there
        ended_well clients
        rm there.reached there.passed
        stop relay
        stop keyd
    done
}

two_handlers() {
    [ "$(handlers)" -eq 2 ]
}

@test 'without relay-keyd relay-listen has the key' {
    is_root || skip 'needs root, to read memory'
    start_broker
    start_relay listen
    has_secret "$(pid_of relay)"
}

@test 'where it keeps the key is locked, and it is in its sandbox' {
    start_keyd
    read_pid keyd
    [ "$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")" -ge 64 ]
    grep -E '^Seccomp:.*2$' "/proc/$pid/status"
    not says keyd ' not-locked '
}

# ---- it is away -----------------------------------------------------------------

@test 'while it is away a handshake fails at once, what lives goes on, and all is well when it is back' {
    with_keyd
    start_play lives <<'END'
agent, client = session("alice")
at_point("live")
client.send(b"still")
assert agent.read(5) == b"still"
agent.send(b"here")
assert client.read(4) == b"here"
agent.finish()
assert client.rest() == b""
END
    await_point lives live
    stop keyd KILL || :
    play <<'END'
start = time.monotonic()
try:
    Peer("alice")
    raise SystemExit("it got in")
except (ssl.SSLError, ConnectionError):
    pass
assert in_time(time.monotonic() - start, 2)
END
    says relay ' no-signature keyd=.*/keyd.sock reason=.*is_relay-keyd_running'
    start_keyd
    works
    go_on live
    ended_well lives
}

@test 'relay-listen starts without it, and serves once it is there' {
    start_keyd
    stop keyd
    start_broker
    start_relay listen
    wait_until 60 says relay ' no-signature '
    start_keyd
    works
}

# ---- a change ---------------------------------------------------------------------

@test 'a reload changes key and certificate together' {
    local new=$pki.renewed/server/127.0.0.1
    cp cert.pem cert.old
    with_keyd
    wait_until 60 spawner_is_attached
    [ "$(shown)" = "$(serial cert.old)" ]
    put_certificate "$new/cert.pem"
    put_key "$new/private.pem"
    ctl reload
    says keyd ' reloaded key=new$'
    [ "$(shown)" = "$(serial "$new/cert.pem")" ]
    works
    not says relay ' no-signature '
}

@test 'half of a change is none: a key or a certificate alone leaves both old' {
    local half
    cp cert.pem cert.old
    cp private.pem private.old
    with_keyd
    wait_until 60 spawner_is_attached
    for half in certificate key; do
        echo "$half"
        new_pair -newkey ed25519
        put_key new.pem
        [ "$half" = certificate ] && put_key private.old || put_certificate cert.old
        read_pid keyd
        kill -HUP "$pid"
        wait_until 60 says keyd ' reload-failed reason=.*not_the_key_of_'
        : >keyd.log
        if [ "$half" = certificate ]; then
            run -1 ctl reload
            [[ $output == *cert.pem:* ]]
        else
            # its certificate is as it was, and its key is not its business
            ctl reload
        fi
        [ "$(shown)" = "$(serial cert.old)" ]
        works
    done
    not says relay ' no-signature '
}

@test 'who has the certificate from before a change is still served' {
    local new=$pki.renewed/server/127.0.0.1
    cp cert.pem cert.old
    with_keyd
    put_certificate "$new/cert.pem"
    put_key "$new/private.pem"
    read_pid keyd
    kill -HUP "$pid"
    wait_until 60 says keyd ' reloaded key=new$'
    [ "$(shown)" = "$(serial cert.old)" ]
    works
}

@test 'revocations do not wait for it: a reload needs it only for another key' {
    with_keyd
    wait_until 60 spawner_is_attached
    stop keyd
    ctl reload
    put_certificate "$pki.renewed/server/127.0.0.1/cert.pem"
    run -1 ctl reload
    [[ $output == *'is relay-keyd running?'* ]]
}

# ---- who asks, and for what -------------------------------------------------------

# ask SCRIPT: a script of who may ask, as the relay's user; ask() sends a request
# and returns the reason, or "signed".
ask() {
    (unprivileged /usr/bin/python3 -SB - "$scratch" "$(key_id)") <<END
import socket, struct, sys
SCRATCH, KEY = sys.argv[1], bytes.fromhex(sys.argv[2])
GOOD = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + bytes(32)

def connect():
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(60)
    sock.connect(SCRATCH + "/keyd/keyd.sock")
    return sock

def request(version=1, scheme=0x0403, message=GOOD, key=KEY, length=None):
    length = len(message) if length is None else length
    return struct.pack("=HHHHI32s256s", version, 1, scheme, 0, length, key, message)

def send(packet):
    with connect() as sock:
        sock.send(packet)
        answer = sock.recv(4096)
        assert sock.recv(1) == b""
    version, _, length, signature, reason = struct.unpack("=HHI1024s80s", answer)
    return "signed" if length else reason.rstrip(b"\0").decode()

def ask(**changes):
    return send(request(**changes))
$1
END
}

# key_id: the hash of the certificate's public key, without its kind.
key_id() {
    openssl x509 -in "$scratch/cert.pem" -noout -pubkey | openssl ec -pubin -outform DER 2>/dev/null |
        tail -c 65 | sha256sum | cut -d ' ' -f 1
}

@test 'it signs what a TLS server signs, with its key, and refuses all else' {
    with_keyd
    run -0 ask '
assert ask() == "signed"
assert ask(message=GOOD.replace(b"server", b"client")) == "not what a TLS server signs"
assert ask(message=b"x" * 130) == "not what a TLS server signs"
assert ask(message=GOOD + b"x") == "not what a TLS server signs"
assert ask(message=GOOD[:64]) == "not what a TLS server signs"
assert ask(key=bytes(32)) == "it has no such key"
assert ask(scheme=0x0804) == "the scheme is not of the key'\''s kind"
assert ask(scheme=0x0201) == "of an unknown scheme"
assert ask(version=2) == "of another version of the relay"
assert ask(length=0) == "of a length out of bounds"
assert ask(length=257) == "of a length out of bounds"
assert ask(length=0xffffffff) == "of a length out of bounds"
assert send(request()[:-1]) == "not of a request'\''s size"
assert send(request() + b"x") == "not of a request'\''s size"
assert send(b"x" * 100000) == "not of a request'\''s size"
'
    says keyd ' refused pid=[0-9]+ reason=not_what_a_TLS_server_signs'
    works
}

@test 'a request that is cut short, or no request, holds nobody up' {
    with_keyd
    run -0 ask '
import subprocess
idle = [connect() for _ in range(20)]
script = "import socket,sys,time; s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.connect(sys.argv[1]); print(1,flush=True); s.recv(1)"
others = [subprocess.Popen([sys.executable, "-SBc", script, SCRATCH + "/keyd/keyd.sock"], stdout=subprocess.PIPE) for _ in range(7)]
for one in others:
    one.stdout.readline()
assert ask() == "signed"
for one in others:
    assert one.wait(60) == 0
'
    works
}

@test 'of a hundred processes that ask at once each is answered' {
    local asked
    with_keyd
    kill -STOP "$(pid_of keyd)"
    ask '
import os
def child(asks):
    with connect() as sock:
        sock.send(request())
        os.write(asks, b".")
        answer = sock.recv(4096)
    os._exit(0 if len(answer) > 8 and struct.unpack_from("=HHI", answer)[2] else 1)

ours, theirs = os.pipe()
children = []
for _ in range(100):
    pid = os.fork()
    if pid == 0:
        child(theirs)
    children.append(pid)
for _ in children:
    os.read(ours, 1)
print("all", flush=True)
assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 100
' >asked 3>&- &
    asked=$!
    wait_until 60 grep -q all asked
    kill -CONT "$(pid_of keyd)"
    wait "$asked"
}

@test 'one process has eight signatures in ten seconds, and others are served meanwhile' {
    with_keyd
    run -0 ask '
for i in range(8):
    assert ask() == "signed", i
assert ask() == "too many of one process"
assert ask() == "too many of one process"
'
    works
}

@test 'a raised handler_uses counts once a process asks more often, without a signal' {
    with_keyd
    echo 'handler_uses = 100' >>relay.conf
    run -0 ask '
for i in range(28):
    assert ask() == "signed", i
'
    says keyd ' reloaded key=same$'
    works
}

@test 'another user is refused, even where the socket is open to him' {
    is_root || skip 'needs root, to be another user'
    with_keyd
    relay_user=bin relay_group=bin run -1 ask 'ask()'
    [[ $output == *PermissionError* ]]
    chmod 666 keyd/keyd.sock
    relay_user=bin run -1 ask 'ask()'
    [[ $output == *ConnectionResetError* || $output == *BrokenPipeError* || $output == *struct.error* ]]
    wait_until 60 says keyd " stranger uid=$(id -u bin) "
    works
}

# ---- its configuration --------------------------------------------------------------

# is_config_error STATUS TEXT: relay-keyd says so, and why.
is_config_error() {
    run "-$1" timeout 60 bin/relay-keyd -c bad.conf
    [[ $output == *"$2"* ]]
}

@test 'a wrong configuration is told in one line' {
    run -78 bin/relay-keyd -t -c relay.conf
    [[ $output == *'no keyd line'* ]]
    start_keyd
    stop keyd
    bin/relay-keyd -t -c relay.conf
    bin/relay-listen -t -c relay.conf
    install -m 644 alice/cert.pem other.pem
    sed 's,= cert.pem,= other.pem,' relay.conf >bad.conf
    is_config_error 78 'private.pem: not the key of '
    sed 's,= private.pem,= none.pem,' relay.conf >bad.conf
    is_config_error 78 'none.pem: No such file'
    if is_root; then
        sed "s/^keyd_user.*/keyd_user = $relay_user/" relay.conf >bad.conf
        is_config_error 78 'set it to one of its own'
        sed 's/^keyd_user.*/keyd_user = nobody-at-all/' relay.conf >bad.conf
        is_config_error 67 'keyd_user nobody-at-all: no such user'
    fi
    chmod 640 private.pem
    run -78 bin/relay-keyd -c relay.conf
    [[ $output == *'chmod 600'* ]]
}

@test 'a second one does not take the place of the first, nor SIGTERM leave its socket' {
    start_keyd
    run -69 timeout 60 bin/relay-keyd -c relay.conf
    [[ $output == *'another process serves it'* ]]
    stop keyd
    [ ! -e keyd/keyd.sock ]
    says keyd ' stop$'
}
