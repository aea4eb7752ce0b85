#!/usr/bin/env bats
# The three roles of the article: Debian's stone, relayagent, and the relay
# between them, which xinetd or relay-listen spawns.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients

setup_file() {
    make_pki alice
    "$built/relay-ca" -d "$pki.other" init >/dev/null
}

# ---- the article ------------------------------------------------------------

# write_article TARGET: both configuration files, in the folder of the key, with
# the words of the article; only the relay's CA is one that the system lacks.
write_article() {
    stone_port=$(free_port)
    cat >alice/stone.conf <<CONF
-q key=private.pem
-q cert=cert.pem
localhost:$relay_port/ssl,http localhost:$stone_port "GET / HTTP/1.1" --
CONF
    cat >alice/relayagent.conf <<CONF
# the remote side

-n
-k private.pem
-c cert.pem
-a ../ca.pem
localhost:$relay_port
$1
CONF
}

article_works() {
    take_baseline
    start_target "intra-$spawner" whole intra
    write_article "$target"
    # as a service would: from /, without a terminal
    start "agent-$spawner" in_folder / setsid "$scratch/bin/relayagent" -C "$scratch/alice/relayagent.conf"
    await_start "agent-$spawner" waits "agent-$spawner" 2
    start "stone-$spawner" in_folder alice stone -C "$scratch/alice/stone.conf"
    await_start "stone-$spawner" listening "$stone_port"
    client session "$stone_port" intra 300000 200000
    client session "$stone_port" intra 0 0
    wait_until 60 says "agent-$spawner" ' session in=[0-9]+ out=[0-9]+ reason=done\b'
    stop "stone-$spawner" || :
    stop "agent-$spawner"
    assert_back_to_baseline
}

@test "the configuration of the article joins stone and relayagent" {
    through_each_spawner article_works
}

page_comes_through_stone() {
    start_target "web-$spawner" web
    start_waiting_agent "agent-$spawner" alice "$target"
    stone_port=$(free_port)
    start_stone "stone-$spawner" alice "$stone_port"
    run -0 timeout 60 curl -sS "http://localhost:$stone_port/page?of=alice"
    [ "${lines[0]}" = '<h1>intra</h1>' ]
    [ "${lines[1]}" = 'GET /page?of=alice HTTP/1.1' ]
    # it is a port forwarder: what the client sends goes through as it is
    [[ $output != *X-Forwarded-For* ]]
    stop "stone-$spawner" || :
    stop "agent-$spawner"
}

@test "a browser fetches a page from the intranet through stone" {
    through_each_spawner page_comes_through_stone
}

@test "the words of relayagent's file do the same on its command line" {
    start_broker
    start_relay listen
    start_target intra whole intra
    start agent bin/relayagent -n -k alice/private.pem -c alice/cert.pem -a ca.pem \
        "127.0.0.1:$relay_port" "$target"
    await_start agent waits agent 2
    stone_port=$(free_port)
    start_stone stone alice "$stone_port"
    client session "$stone_port" intra 1000 1000
}

# ---- openssl s_client -------------------------------------------------------

typed_head_is_served() {
    start_target "shout-$spawner" shout
    start_waiting_agent "agent-$spawner" alice "$target"
    start_typing "typed-$spawner" alice
    for piece in G 'ET / HT' 'TP/1.1' '\n' '\nfirst line\n'; do
        type_it "typed-$spawner" "$piece"
    done
    wait_until 60 says "typed-$spawner" '^HTTP/1.1 200 OK'
    wait_until 60 says "typed-$spawner" '^FIRST LINE'
    type_it "typed-$spawner" 'last line\n'
    wait_until 60 says "typed-$spawner" '^LAST LINE'
    exec 9>&-
    stop "typed-$spawner" || :
    stop "agent-$spawner"
}

@test "openssl s_client is a stone: typed by hand, with bare LF, in pieces" {
    through_each_spawner typed_head_is_served
}

typed_page_comes() {
    start_target "web-$spawner" web
    start_waiting_web_agent "agent-$spawner"
    start_typing "typed-$spawner" alice
    for piece in '\n' 'GET /typed HTTP/1.1\nHo' 'st: intra\nConnection: close\n' '\n'; do
        type_it "typed-$spawner" "$piece"
    done
    # the web server ends it, and s_client with it
    await_end "typed-$spawner"
    says "typed-$spawner" '^<h1>intra</h1>'
    says "typed-$spawner" '^GET /typed HTTP/1.1'
    exec 9>&-
    stop "agent-$spawner"
}

@test "openssl s_client fetches a page from a web target, typed by hand" {
    through_each_spawner typed_page_comes
}

# ---- curl -------------------------------------------------------------------

# start_waiting_web_agent NAME: without -n, to $target.
start_waiting_web_agent() {
    : >"$1.log"
    start "$1" bin/relayagent -k alice/private.pem -c alice/cert.pem -a ca.pem \
        "127.0.0.1:$relay_port" "$target"
    await_start "$1" waits "$1" 2
}

curl_reaches_a_web_target() {
    start_target "web-$spawner" web
    start_waiting_web_agent "agent-$spawner"
    run -0 fetch alice '/some/page?x=1' -w '%{http_code}\n' -H 'X-Forwarded-For: 192.0.2.1'
    [ "${lines[0]}" = '<h1>intra</h1>' ]
    [ "${lines[1]}" = 'GET /some/page?x=1 HTTP/1.1' ]
    [ "${lines[-1]}" = 200 ]
    [ "$(grep -ic '^x-forwarded-for:' <<<"$output")" -eq 1 ]
    [[ $output =~ X-Forwarded-For:\ 127\.0\.0\.1 ]]
    # a body, and two requests through one session
    head -c 100000 /dev/urandom | base64 -w0 >body
    fetch alice /second --data-binary @body -o first.page \
        "https://127.0.0.1:$relay_port/first" -o second.page
    grep -q '^POST /first HTTP/1.1' first.page
    grep -q '^POST /second HTTP/1.1' second.page
    cmp body <(tail -c "$(wc -c <body)" second.page)
    [ "$(grep -c ' taken$' "agent-$spawner.log")" -eq 2 ]
    stop "agent-$spawner"
}

@test "curl with the certificate reaches a web target behind an agent without -n" {
    through_each_spawner curl_reaches_a_web_target
}

# ---- an agent that can't connect --------------------------------------------

# start_lost_agent RELAY [OPTION...]
start_lost_agent() {
    local relay=$1
    shift
    : >agent.log
    start agent bin/relayagent -n -m 1 -k alice/private.pem -c alice/cert.pem "$@" "$relay" 127.0.0.1:9
}

# says_why REASON: again and again.
says_why() {
    wait_until 60 fails_to_connect agent "$1" 2
    not says agent ' waiting '
    running agent
    stop agent
}

@test "without -a, an agent does not take a relay of a private CA, says so, and retries" {
    start_broker
    start_relay listen
    start_lost_agent "127.0.0.1:$relay_port"
    says_why 'TLS:_(unable_to_get_local_issuer_certificate|self-signed_certificate_in_certificate_chain)'
}

@test "with another CA, an agent does not take the relay, says so, and retries" {
    start_broker
    start_relay listen
    start_lost_agent "127.0.0.1:$relay_port" -a "$pki.other/ca.pem"
    says_why 'TLS:_(unable_to_get_local_issuer_certificate|certificate_signature_failure)'
}

@test "an agent does not take a relay of another name, says so, and retries" {
    configure "listen = 127.0.0.2:$relay_port"
    start_broker
    start_relay listen
    start_lost_agent "127.0.0.2:$relay_port" -a ca.pem
    says_why "TLS:_IP_address_mismatch:_the_relay's_certificate_is_for_127\.0\.0\.1,_localhost,_::1:_write_one_of_these_as_the_relay"
}

@test "a common name is no host name where a relay's certificate has no other" {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout private.pem \
        -subj /CN=localhost -out cn.csr
    openssl x509 -req -in cn.csr -CA "$pki/ca.pem" -CAkey "$pki/private/ca.pem" -days 1 \
        -extfile <(echo extendedKeyUsage=serverAuth) -out cert.pem
    start_broker
    start_relay listen
    start_lost_agent "localhost:$relay_port" -a ca.pem
    says_why 'TLS:_hostname_mismatch'
}

@test "an agent whose certificate the relay refuses says so, and retries" {
    "$built/relay-ca" -d "$pki.other" client "$BATS_TEST_NUMBER" >/dev/null
    cp "$pki.other/client/$BATS_TEST_NUMBER"/*.pem alice
    start_broker
    start_relay listen
    start_lost_agent "127.0.0.1:$relay_port" -a ca.pem
    says_why 'the_relay_refused,_TLS_alert:_unknown_CA'
}

# ---- configuration errors ---------------------------------------------------

# is_error PATTERN LINE...: relayagent refuses a file of these lines.
is_error() {
    local pattern=$1
    shift
    printf '%s\n' "$@" >alice/bad.conf
    run -78 timeout 60 bin/relayagent -C "$scratch/alice/bad.conf"
    [[ $output =~ ^relayagent:\ $scratch/alice/bad.conf$pattern ]]
    [ "${#lines[@]}" -eq 1 ]
}

@test "a configuration error ends the agent with status 78 and the file's line" {
    local good=(-n '-k private.pem' '-c cert.pem')
    is_error ':2: unknown option -z' -n -z
    is_error ':4: unknown option --target' '# comment' '' -n --target
    is_error ':1: -k has no value' -k
    is_error ':1: -n takes no value' '-n yes'
    is_error ':2: .*none\.pem: No such file' -n '-k none.pem'
    is_error ':1: .*cert\.pem: ' '-k cert.pem'
    is_error ':1: .*private\.pem: ' '-c private.pem'
    is_error ':1: .*none\.pem: No such file' '-a none.pem'
    is_error ':1: -m 0: ' '-m 0'
    is_error ':1: -m 65: ' '-m 65'
    is_error ':3: -c is given twice' '-c cert.pem' -n '-c cert.pem'
    is_error ':4: .*intra' "${good[@]}" intra
    is_error ': no key' -n '-c cert.pem' relay:443 intra:80
    is_error ': no certificate' -n '-k private.pem' relay:443 intra:80
    is_error ': no relay' "${good[@]}"
    is_error ': no target' "${good[@]}" relay:443
    is_error ': the key .* is not that of the certificate' -n '-k ../private.pem' '-c cert.pem' relay:443 intra:80
    chmod 640 alice/private.pem
    is_error ':2: .*private\.pem: .*chmod 600' -n '-k private.pem'
}

@test "a missing configuration file ends the agent with status 78 and its name" {
    run -78 timeout 60 bin/relayagent -C "$scratch/none.conf"
    [[ $output == "relayagent: $scratch/none.conf: No such file or directory" ]]
}
