#!/usr/bin/env bats
# Who gets through the TLS handshake: the certificate is the account. Every
# promise holds through both spawners, and every refusal has a line in the log.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/forge

setup_file() {
    make_pki alice bob
    make_odd_certificates
}

# make_odd_certificates: what the relay must refuse.
make_odd_certificates() {
    local year_ago year_on
    year_ago=$(date -u -d '1 year ago' +%y%m%d%H%M%SZ)
    year_on=$(date -u -d 'next year' +%y%m%d%H%M%SZ)
    forge expired "${year_ago}" "$(date -u -d yesterday +%y%m%d%H%M%SZ)" clientAuth
    forge early "$(date -u -d tomorrow +%y%m%d%H%M%SZ)" "$year_on" clientAuth
    forge server-only "$year_ago" "$year_on" serverAuth
    # another CA, with the same name, and a client with a name of ours
    "$built/relay-ca" -d "$pki.other" init >/dev/null
    "$built/relay-ca" -d "$pki.other" client alice >/dev/null
    cp -r "$pki.other/client/alice" "$pki/client/stranger"
    mkdir "$pki/client/self-signed"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj "/CN=alice" -addext extendedKeyUsage=clientAuth \
        -keyout "$pki/client/self-signed/private.pem" \
        -out "$pki/client/self-signed/cert.pem" 2>/dev/null
}

# probe WHO [OPTION...]: a request that the relay answers by itself.
probe() {
    s_client "$@" <<<$'GET /KLAB/nothing HTTP/1.1\n'
}

# refused WHO REASON: there is no answer, and the log says why.
refused() {
    run probe "$1"
    [[ $output != *HTTP/1.1* ]]
    [[ $output == *alert* ]]
    wait_until 60 says relay " tls-refused peer=$client_address:[0-9]+ reason=$2"
}

# accepted WHO [OPTION...]: the answer comes.
accepted() {
    run -0 probe "$@"
    [[ $output == *"HTTP/1.1 404 "* ]]
}

@test "a client with a certificate of the CA is let in" {
    through_each_spawner accepted alice
}

@test "a client without a certificate is refused" {
    through_each_spawner refused '' 'peer_did_not_return_a_certificate'
}

@test "a certificate of another CA is refused, whatever names it carries" {
    through_each_spawner refused stranger 'unable_to_get_local_issuer_certificate subject=/CN=alice identity=[0-9a-f]{64}$'
}

@test "a self-signed certificate with the name of a good one is refused" {
    through_each_spawner refused self-signed 'self-signed_certificate subject=/CN=alice '
}

@test "an expired certificate is refused" {
    through_each_spawner refused expired 'certificate_has_expired subject=/CN=expired '
}

@test "a certificate that is not yet valid is refused" {
    through_each_spawner refused early 'certificate_is_not_yet_valid subject=/CN=early '
}

@test "a certificate that is for servers alone is refused" {
    through_each_spawner refused server-only 'unsu[a-z]*_certificate_purpose subject=/CN=server-only '
}

only_alice_is_left() {
    refused bob 'certificate_revoked subject=/CN=bob '
    accepted alice
}

@test "a revoked certificate is refused where a CRL is configured, and no other" {
    revoke bob
    configure 'crl = crl.pem'
    through_each_spawner only_alice_is_left
}

tls_12_is_refused() {
    run probe alice -tls1_2
    [[ $output == *"alert protocol version"* ]]
    wait_until 60 says relay ' tls-refused peer=[0-9.:]+ reason=unsupported_protocol'
}

@test "TLS 1.2 is refused by default" {
    through_each_spawner tls_12_is_refused
}

tls_12_and_13_are_accepted() {
    accepted alice -tls1_2
    [[ $output == *"Protocol  : TLSv1.2"* ]]
    accepted alice
    [[ $output == *"TLSv1.3"* ]]
    # key exchange without forward secrecy, and CBC, stay refused
    run probe alice -tls1_2 -cipher AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA
    [[ $output == *"alert handshake failure"* ]]
}

@test "TLS 1.2 is accepted where tls_min is 1.2, with ECDHE and AEAD alone" {
    configure 'tls_min = 1.2'
    through_each_spawner tls_12_and_13_are_accepted
}

cheap_groups_alone() {
    local group
    for group in X25519 P-256 P-384; do
        accepted alice -groups "$group"
    done
    for group in ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192 X448 P-521; do
        echo "# $group"
        run probe alice -groups "$group"
        [[ $output == *"alert handshake failure"* ]]
        [[ $output != *HTTP/1.1* ]]
    done
}

@test "keys are exchanged with X25519, P-256 and P-384, and no group that costs more" {
    through_each_spawner cheap_groups_alone
}

@test "the same holds of TLS 1.2" {
    configure 'tls_min = 1.2'
    start_broker
    start_relay listen
    accepted alice -tls1_2 -groups P-256
    for group in X448 P-521; do
        run probe alice -tls1_2 -groups "$group"
        [[ $output == *"alert handshake failure"* ]]
    done
}

@test "an agent refuses a relay that wants a dear group" {
    start server openssl s_server -accept "$relay_port" -cert cert.pem -key private.pem \
        -CAfile ca.pem -www -groups ffdhe8192:X448
    await_start server listening "$relay_port"
    start_agent agent alice 127.0.0.1:9
    wait_until 60 says agent 'reason=TLS:.*handshake_failure'
}

@test "keys are exchanged with X25519MLKEM768 where both ends have it" {
    openssl list -kem-algorithms | grep -q X25519MLKEM768 ||
        skip "this OpenSSL has no X25519MLKEM768: $(openssl version)"
    start_broker
    start_relay listen
    accepted alice
    [[ $output == *"group: X25519MLKEM768"* ]]
    # one that has it, but has sent no share of it
    accepted alice -groups '*X25519:X25519MLKEM768'
    [[ $output == *"group: X25519MLKEM768"* ]]
    stop relay
    start server openssl s_server -accept "$relay_port" -cert cert.pem -key private.pem \
        -CAfile ca.pem -www -trace -groups X25519MLKEM768
    await_start server listening "$relay_port"
    start_agent agent alice 127.0.0.1:9
    wait_until 60 says server 'X25519MLKEM768'
}

# resumes_nothing [OPTION...]: each of six connections is a new session.
resumes_nothing() {
    run probe alice -reconnect "$@"
    [ "$(grep -c '^New, TLSv1' <<<"$output")" -eq 6 ]
    [[ $output != *"Reused, "* ]]
    [[ $output != *"Session Ticket"* ]]
    [[ $output != *"session ticket"* ]]
}

both_versions_resume_nothing() {
    resumes_nothing
    resumes_nothing -tls1_2
    accepted alice
    [[ $output != *"Session Ticket"* ]]
}

@test "no session can be resumed, neither by its id nor by a ticket" {
    configure 'tls_min = 1.2'
    through_each_spawner both_versions_resume_nothing
}

alpn_is_http_11() {
    accepted alice -alpn h2,http/1.1
    [[ $output == *"ALPN protocol: http/1.1"* ]]
    accepted alice -alpn h2
    [[ $output == *"No ALPN negotiated"* ]]
}

@test "ALPN answers http/1.1, and nothing to a client without it" {
    through_each_spawner alpn_is_http_11
}

any_name_is_served() {
    local serial
    serial=$(openssl x509 -in "$scratch/cert.pem" -noout -serial)
    for name in relay.example.org nobody.invalid; do
        accepted alice -servername "$name"
        [ "$(openssl x509 -noout -serial <<<"$output")" = "$serial" ]
    done
}

@test "the name that a client asks for (SNI) makes no difference" {
    through_each_spawner any_name_is_served
}

connect_and_close() {
    play <<'SCRIPT'
for _ in range(3):
    tcp().close()
    sock = tcp()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
SCRIPT
}

probes_leave_no_line() {
    connect_and_close
    wait_until 60 no_handler
    # what comes later is in the log, so a line of theirs would be
    refused '' peer_did_not_return
    [ "$(log_of relay | grep -c "$client_address:")" -eq 1 ]
}

no_handler() {
    [ "$(handlers)" -eq 0 ]
}

@test "a health probe, which connects and closes, leaves no line in the log" {
    through_each_spawner probes_leave_no_line
}

@test "a health probe shows in the log with -d" {
    start_broker
    start_relay listen -d
    connect_and_close
    wait_until 60 says relay " probe peer=$client_address:"
}

# ---- what is refused at the start ----

# is_config_error PATTERN PROGRAM...: it ends with EX_CONFIG and one line.
is_config_error() {
    local pattern=$1
    shift
    run -78 timeout 60 "$@"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output =~ $pattern ]]
}

@test "a key file that others may read is refused at the start, and relay-listen says so" {
    for mode in 640 604 660; do
        chmod "$mode" private.pem
        is_config_error "^relay-listen: $scratch/private.pem: .*mode 0$mode.*chmod 600" \
            bin/relay-listen -c "$scratch/relay.conf"
    done
}

@test "a key file that others may read is refused by a handler of xinetd, too" {
    [ -n "$SYSLOG_FILE" ] || skip 'needs root, and no other syslog daemon'
    chmod 640 private.pem
    start_broker
    start_relay xinetd
    run probe alice
    [ "$status" -ne 0 ]
    [[ $output != *HTTP/1.1* ]]
    [[ $output != *"chmod 600"* ]]
    wait_until 60 says relay "$scratch/private.pem: .*chmod 600"
}

@test "-t says nothing and succeeds where the configuration is good" {
    for program in relay-broker relay-listen relay-handler; do
        run -0 timeout 60 "bin/$program" -t -c "$scratch/relay.conf"
        [ -z "$output" ]
    done
    [ ! -e broker.sock ]
}

# bad_line LINE PATTERN: as the last line of relay.conf, it is an error.
bad_line() {
    cp relay.conf bad.conf
    printf '# a comment and an empty line count\n%s\n' "$1" >>bad.conf
    for program in relay-broker relay-listen relay-handler; do
        is_config_error "^$program: $scratch/bad.conf:$(wc -l <bad.conf): $2" \
            "bin/$program" -t -c "$scratch/bad.conf"
    done
}

@test "a bad line of relay.conf is named by file and line" {
    bad_line 'colour = red' 'unknown key colour'
    bad_line 'listen' 'not a line of the form key = value'
    bad_line '= red' 'not a line of the form key = value'
    bad_line 'group =' 'group has no value'
    bad_line 'key = private.pem' 'key is given twice'
    bad_line 'listen = 443' '443: no port'
    bad_line 'listen = ::1:443' '::1:443: write a v6 address as'
    bad_line 'tls_min = 1.1' 'tls_min: 1.1 is not 1.2 or 1.3'
    bad_line 'tls_timeout = 0' 'tls_timeout: 0 is not 1 to 3600 seconds'
    bad_line 'head_timeout = 10s' 'head_timeout: 10s is not 1 to 3600 seconds'
    bad_line 'match_timeout = -1' 'match_timeout: -1 is not 1 to 3600 seconds'
}

@test "a missing line, file or certificate is a configuration error with its name" {
    grep -v ^ca relay.conf >bad.conf
    is_config_error 'bad.conf: no ca line' bin/relay-listen -t -c bad.conf
    is_config_error 'none.conf: No such file' bin/relay-listen -t -c none.conf
    sed 's/= cert.pem/= none.pem/' relay.conf >bad.conf
    is_config_error 'none.pem: No such file' bin/relay-listen -t -c "$scratch/bad.conf"
    sed 's/= cert.pem/= private.pem/' relay.conf >bad.conf
    is_config_error 'private.pem: no certificate in it' bin/relay-listen -t -c "$scratch/bad.conf"
    sed 's,= private.pem,= alice/private.pem,' relay.conf >bad.conf
    is_config_error 'alice/private.pem: not the key of .*cert.pem' bin/relay-listen -t -c "$scratch/bad.conf"
    grep -v ^listen relay.conf >bad.conf
    is_config_error 'bad.conf: no listen line' bin/relay-listen -c "$scratch/bad.conf"
}

@test "paths in relay.conf are relative to its folder" {
    cd /
    run -0 timeout 60 "$scratch/bin/relay-listen" -t -c "$scratch/relay.conf"
}

@test "as root, the relay will not run as root" {
    is_root || skip 'needs root'
    sed 's/^user.*/user = root/' relay.conf >bad.conf
    for program in relay-broker relay-listen; do
        is_config_error 'user root is root: set user to an unprivileged one' "bin/$program" -c "$scratch/bad.conf"
    done
    sed 's/^user.*/user = nobody-at-all/' relay.conf >bad.conf
    run -67 timeout 60 bin/relay-listen -c "$scratch/bad.conf"
    [[ $output == *"nobody-at-all: no such user"* ]]
}

@test "whose handshake is refused gets the alert, also where more of it was sent" {
    start_broker
    start_relay listen
    play <<'SCRIPT'
def hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context("alice").wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read(), incoming, tls

for more in (b"", bytes(3000)):
    sock = tcp()
    sock.settimeout(60)
    first, incoming, tls = hello()
    sock.sendall(first)
    # all of the relay's flight: until there is an answer to it
    while True:
        incoming.write(sock.recv(65536))
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            pass
    # a Finished that is not encrypted
    sock.sendall(b"\x16\x03\x03\x00\x24\x14\x00\x00\x20" + bytes(32) + more)
    alert = b""
    while data := sock.recv(65536):
        alert += data
    incoming.write(alert)
    try:
        tls.read()
        raise AssertionError(alert)
    except ssl.SSLError as error:
        assert "_ALERT_" in error.reason, error
SCRIPT
}
