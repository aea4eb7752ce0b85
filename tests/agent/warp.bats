#!/usr/bin/env bats
# One file for a client, warp(5): both programs work with it, and whatever is wrong
# with one is a line that says what to do.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/forge
load ../lib/warp

setup_file() {
    make_pki alice bob
    forge past 20200101000000Z 20210101000000Z clientAuth
}

setup() {
    prepare
}

# agent_says STATUS PATTERN [WORD...], stone_says: what -t says of a file of this
# test, in a line.
agent_says() {
    run "-$1" timeout 60 bin/relayagent -t "${@:3}" a.warp intra:80
    said "$2"
}

stone_says() {
    run "-$1" timeout 60 bin/relay-stone -t "${@:3}" a.warp 8080
    said "$2"
}

said() {
    [ "${#lines[@]}" -le 1 ]
    [[ $output == *"$1"* ]] || {
        echo "wanted: $1"
        echo "said: $output"
        return 1
    }
}

# both_say STATUS PATTERN [WORD...]
both_say() {
    agent_says "$@"
    stone_says "$@"
}

@test "a file and a target, and a file and a port, are all that the two ends need" {
    with_relay
    warp alice alice
    start_target target whole alice
    start agent bin/relayagent alice.warp "$target"
    wait_until 60 waits agent 2
    stone_port=$(free_port)
    start stone bin/relay-stone alice.warp "$stone_port"
    await_start stone says stone ' start '
    client session "$stone_port" alice 10000 20000
    # what leads inside is for this host alone
    grep -q "0100007F:$(printf %04X "$stone_port") 00000000:0000 0A" /proc/net/tcp
}

@test "in their files, too, as -f or as a bare word, from wherever they start" {
    warp alice alice
    mkdir etc
    mv alice.warp etc
    printf '%s\n' alice.warp intra:80 >etc/agent.conf
    run -0 bin/relayagent -t -C etc/agent.conf
    printf '%s\n' '-f alice.warp' intra:80 >etc/agent.conf
    run -0 bin/relayagent -t -C etc/agent.conf
    echo 'alice.warp 8080 -- alice.warp 8081 "GET /a HTTP/1.1" 127.0.0.1 --' >etc/stone.conf
    run -0 bin/relay-stone -t -C etc/stone.conf
    echo '-f alice.warp 8080 -- 8081 -- other:443/ssl,http ./sock "GET / HTTP/1.1" --' >etc/stone.conf
    run -0 bin/relay-stone -t -C etc/stone.conf
    run -0 bin/relay-stone -t --stdio etc/alice.warp
}

@test "what is said beside a file counts instead of that part of it" {
    warp_relay=nowhere.invalid:1 warp a alice
    both_say 0 ''
    cp alice/private.pem k.pem
    warp a alice relay cert
    both_say 78 'a.warp: no key in it, and no a.key: put that here'
    agent_says 78 'a.warp: no certificate of an authority in it' -k k.pem
    agent_says 0 '' -k k.pem -a ca.pem
    stone_says 0 '' -q key=k.pem -q CAfile=ca.pem
    cp k.pem a.key
    agent_says 0 '' -a ca.pem
    stone_says 0 '' -q CAfile=ca.pem

    # another relay than the file's
    with_relay
    warp_relay=nowhere.invalid:1 warp alice alice
    start_target target whole alice
    start agent bin/relayagent alice.warp "127.0.0.1:$relay_port" "$target"
    wait_until 60 waits agent 2
}

@test "a part that is missing is named, with what to do" {
    warp a alice relay key ca
    both_say 78 'a.warp: no certificate of a client in it: get it anew'
    warp a alice relay key cert
    both_say 78 "a.warp: no certificate of an authority in it: add the relay's ca.pem"
    warp a alice key cert ca
    both_say 78 'a.warp: it does not say where the relay is: write a line relay = HOST:PORT'
    warp a alice relay
    both_say 78 'a.warp: no certificate or key in it: get it anew'
    warp_relay=relay warp a alice
    both_say 78 'a.warp:2: relay = relay: no port'
    warp_relay=relay:0 warp a alice
    both_say 78 'a.warp:2: relay = 0: not a port'
    warp a alice relay relay relay relay relay relay relay relay relay key cert ca
    both_say 78 'a.warp:10: more than 8 relays'
    rm a.warp
    both_say 78 'a.warp: No such file or directory'
    warp a alice
    agent_says 78 'is given twice' -f a.warp
    run -78 bin/relayagent -t a.warp
    [[ $output == *'no target:port' ]]
    run -78 bin/relay-stone -t a.warp
    [[ $output == *'it is not said where to listen'* ]]
}

@test "a key that is another's, of two, or open to others is refused" {
    warp a alice relay "$PWD/bob/private.pem" cert ca
    both_say 78 'a.warp: its certificate is not that of the key: use the key that was made for it'
    warp a alice relay cert ca
    cp bob/private.pem a.key
    both_say 78 'its certificate is not that of the key'
    warp a alice relay key "$PWD/bob/private.pem" cert ca
    both_say 78 'a.warp: 2 keys in it: leave one'
    warp a alice
    chmod 644 a.warp
    both_say 78 'a.warp: a key that others can read or write (mode 0644); chmod 600 it'
    # without a key it is no secret
    warp a alice relay cert ca
    cp -p alice/private.pem a.key
    chmod 644 a.warp
    both_say 0 ''
    chmod 640 a.key
    both_say 78 'a.key: a key that others can read or write (mode 0640); chmod 600 it'
}

@test "a file that was cut or changed is not taken for a whole one" {
    warp a alice
    cp a.warp whole
    head -n -3 whole >a.warp
    both_say 78 'a.warp: it is cut short or changed: get it anew'
    sed 's/^MII[A-Za-z]/M###/' whole >a.warp
    both_say 78 'a.warp: '
    printf 'relay = %0400d:443\n' 1 >a.warp
    both_say 78 'a.warp: no certificate or key in it'
}

@test "parts may stand in any order, between any words, with the line ends of another system" {
    warp a alice ca cert "$PWD/alice/private.pem" relay
    sed -i -e '1i From: somebody' -e 's/^relay = /  relay=/' -e 's/$/\r/' a.warp
    both_say 0 ''
}

@test "an expired certificate is an error of -t that says what to do" {
    warp a past
    both_say 78 'a.warp: expired at 2021-01-01T00:00:00Z; by this host'
    [[ $output == *"if the clock is right, get a new file from who runs the relay" ]]
}

@test "a key with a passphrase is opened by that of a file, by no other, and not without" {
    local key=$scratch/locked.pem
    openssl pkcs8 -topk8 -in alice/private.pem -passout pass:secret -out "$key"
    warp a alice relay "$key" cert ca
    both_say 78 'a.warp: its key has a passphrase: write that into a file of mode 600, and name it as passfile'
    echo secret >good
    echo wrong >bad
    chmod 600 good bad
    agent_says 0 '' --passfile good
    stone_says 0 '' -q passfile=good
    agent_says 78 'a.warp: no private key that the passphrase opens in it' --passfile bad
    stone_says 78 'a.warp: no private key that the passphrase opens in it' -q passfile=bad
    chmod 644 good
    agent_says 78 'good: a secret that others can read' --passfile good
}

@test "a relay of another name is not taken, and the line has the names to write instead" {
    with_relay
    # the name of an address, as the certificate does not have it
    warp_relay=127.0.0.2:$relay_port warp a alice
    configure "listen = 127.0.0.2:$relay_port"
    stop relay
    start_relay listen
    start agent bin/relayagent a.warp 127.0.0.1:1
    wait_until 60 says agent " not-connected relay=127.0.0.2:$relay_port reason=TLS:_IP_address_mismatch:_the_relay's_certificate_is_for_127.0.0.1,_localhost,_::1:_write_one_of_these_as_the_relay "
}

@test "the authority is sent to nobody, and the certificate of a client is trusted by nobody" {
    # a relay whose certificate alice's own would have to vouch for
    start_broker
    start_relay listen
    warp a alice
    start agent bin/relayagent a.warp 127.0.0.1:1
    wait_until 60 waits agent 1
    stop agent
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Other \
        -keyout other.key -out other.pem 2>/dev/null
    warp a alice relay key cert "$PWD/other.pem"
    : >agent.log
    start agent bin/relayagent a.warp 127.0.0.1:1
    wait_until 60 says agent ' not-connected .*reason=TLS:_(self-signed|unable_to_get)'
}

@test "bash completes the options, and of files those that end in .warp" {
    cat >complete <<'SCRIPT'
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"_${1//-/_}"
printf '%s\n' "${COMPREPLY[@]}"
SCRIPT
    local bin=$tests/../bin/completions program
    warp alice alice
    for program in relayagent relay-stone; do
        [ "$(bash complete "$bin/$program.bash" "$program" al)" = alice.warp ]
        [ "$(bash complete "$bin/$program.bash" "$program" -f alice/c)" = alice/cert.pem ]
    done
    [ "$(bash complete "$bin/relayagent.bash" relayagent --pas)" = --passfile ]
    [ "$(bash complete "$bin/relay-stone.bash" relay-stone -q CAf)" = CAfile= ]
}

@test "--request makes a key that is closed and a request, and takes nothing away" {
    local program
    umask 000
    for program in relayagent relay-stone; do
        run -0 bin/$program --request here-$program
        [[ $output == *"relay-ca sign CUSTOMER here-$program.csr"*"$program here-$program.warp"* ]]
        [ "$(stat -c %a here-$program.key here-$program.csr)" = $'600\n644' ]
        openssl req -in here-$program.csr -noout -verify 2>&1 | grep 'verify OK'
        [ "$(openssl req -in here-$program.csr -noout -pubkey)" = "$(openssl pkey -in here-$program.key -pubout)" ]
        run -73 bin/$program --request here-$program
        [[ $output == "$program: here-$program.key: there already: use it, or take another name" ]]
        rm here-$program.key
        run -73 bin/$program --request here-$program
        [[ $output == "$program: here-$program.csr: there already"* ]]
        [ ! -e here-$program.key ]
        for name in '' 'a b' -- .a 'a/' "$(printf '%065d' 0)"; do
            run -73 bin/$program --request "$name"
            [[ $output == *': not a good name'* ]]
        done
        run -73 bin/$program --request nowhere/x
        [[ $output == *'nowhere/x.key: No such file or directory' ]]
    done
}

@test "two hosts whose keys never left them meet, and one is shut out alone" {
    cp -r "$pki" ca
    configure 'customers = customers' 'crl = crl.pem'
    bin/relayagent --request remote
    bin/relay-stone --request here
    bin/relay-ca -d ca sign --relay "127.0.0.1:$relay_port" customer remote.csr here.csr
    cp ca/client/customer/*.warp ca/client/customer/peers.pem .
    with_relay
    start_target target whole customer
    start agent bin/relayagent --peers peers.pem remote.warp "$target"
    wait_until 60 waits agent 2
    stone_port=$(free_port)
    start stone bin/relay-stone --sessions 0 -q peers=peers.pem here.warp "$stone_port"
    await_start stone says stone ' start '
    client session "$stone_port" customer 10000 20000
    wait_until 60 says agent ' session .*seal=(sealed|bare)$'

    bin/relay-ca -d ca revoke customer "$(openssl x509 -in here.warp -noout -serial | sed 's/.*=//')"
    install_crl ca
    kill -HUP "$(pid_of relay)"
    wait_until 60 says relay ' reloaded'
    [ "$(speak "$stone_port" a)" = "got=b'' ended=reset" ]
    wait_until 60 says relay ' tls-refused .*reason=certificate_revoked '
    start second bin/relayagent remote.warp "$target"
    wait_until 60 waits second 2
}

# replace NAME CERTIFICATE: as it should be done, by a rename.
replace() {
    warp "$1.new" "$2"
    mv "$1.new.warp" "$1.warp"
}

@test "a file that is replaced is used without a hand, and a session lives on" {
    with_relay
    warp ours alice
    warp theirs alice
    start_target target whole bob
    start agent bin/relayagent ours.warp "$target"
    wait_until 60 waits agent 2
    stone_port=$(free_port)
    start stone bin/relay-stone theirs.warp "$stone_port"
    await_start stone says stone ' start '
    start_client old session "$stone_port" bob "$scratch/flow"
    wait_until 60 [ -e flow.reached ]

    # nobody would be better off with this one
    printf 'half' >ours.warp
    wait_until 60 says agent ' replaced file=.*/ours.warp$'
    wait_until 60 says agent ' reload-failed error=.*ours.warp:_no_certificate_or_key_in_it'
    chmod 600 ours.warp
    replace ours bob
    replace theirs bob
    wait_until 60 says stone ' reloaded '
    wait_until 60 says agent ' reloaded$'
    client session "$stone_port" bob 10000 20000
    [ "$(grep -c 'agent-waits .*' relay.log)" -ge 4 ]
    [ "$(grep -o ' identity=[0-9a-f]*' relay.log | sort -u | wc -l)" -eq 2 ]
    : >flow.passed
    ended_whole old
    # nothing more is read while nothing changes
    [ "$(grep -c ' replaced ' agent.log)" -eq 2 ]
    [ "$(grep -c ' replaced ' stone.log)" -eq 1 ]
}

@test "of key and certificate in files of their own, both are awaited" {
    with_relay
    cp -p alice/private.pem k.pem
    cp alice/cert.pem c.pem
    start agent bin/relayagent -n -k k.pem -c c.pem -a ca.pem "127.0.0.1:$relay_port" 127.0.0.1:1
    wait_until 60 waits agent 2
    cp -p bob/private.pem k.new
    mv k.new k.pem
    wait_until 60 says agent ' reload-failed error=.*the_key_.*_is_not_that_of_the_certificate'
    cp bob/cert.pem c.new
    mv c.new c.pem
    wait_until 60 says agent ' reloaded$'
    wait_until 60 waits agent 4
}

@test "a daemon finds the files again, and relay-stone says that a certificate has expired" {
    with_relay
    warp ours alice
    bin/relayagent -D ours.warp 127.0.0.1:1 3>&-
    agent=$(pgrep -f "^bin/relayagent -D ours.warp 127.0.0.1:1" -o)
    wait_until 60 says_at_least relay 2 ' agent-waits '
    warp a past
    stone_port=$(free_port)
    start stone bin/relay-stone a.warp "$stone_port"
    wait_until 60 says stone ' expired what=certificate of=a.warp at=2021-01-01T00:00:00Z$'
    replace ours bob
    wait_until 60 says_at_least relay 4 ' agent-waits '
    replace a alice
    wait_until 60 says stone ' reloaded '
    kill -TERM "$agent"
    wait_until 60 not kill -0 "$agent"
}

needs_own_host() {
    if ! is_root || ! unshare -m true 2>/dev/null || [ ! -x /usr/bin/systemctl ]; then
        skip 'needs root, namespaces and systemctl'
    fi
}

# own_host COMMAND...: with /etc/vpn-warp, users and systemctl that nobody else
# sees. Each call of systemctl is a line of $scratch/systemctl.log.
own_host() {
    grep -v '^vpn-warp-' /etc/passwd >passwd
    echo 'vpn-warp-agent:x:64321:64321::/nonexistent:/usr/sbin/nologin' >>passwd
    echo 'vpn-warp-stone:x:64322:64322::/nonexistent:/usr/sbin/nologin' >>passwd
    printf '#!/bin/sh\necho "$*" >>%s/systemctl.log\n[ ! -e %s/broken ]\n' "$scratch" "$scratch" >systemctl
    chmod 755 systemctl
    mkdir -p own/run own/vpn-warp /etc/vpn-warp
    unshare -m bash -c 'mount --bind passwd /etc/passwd && mount --bind systemctl /usr/bin/systemctl &&
        mount --bind own/run /run && mount --bind own/vpn-warp /etc/vpn-warp && exec "$@"' own_host "$@" 3>&-
}

@test "--install makes a service of a file and a target, and again of a newer one" {
    needs_own_host
    warp laptop alice
    run -0 own_host bin/relayagent --install -m 3 --upgrade h2c laptop.warp intra:80 db=intra:5432
    [[ $output == */etc/vpn-warp/laptop.warp*/etc/vpn-warp/laptop.conf*'# relayagent -D -C /etc/vpn-warp/laptop.conf' ]]
    [ "$(stat -c '%u %g %a' own/vpn-warp/laptop.warp)" = '64321 64321 600' ]
    [ "$(stat -c '%u %a' own/vpn-warp/laptop.conf)" = '0 644' ]
    cmp laptop.warp own/vpn-warp/laptop.warp
    diff <(grep -v '^#' own/vpn-warp/laptop.conf) - <<'WANT'
-m 3
--upgrade h2c
-f laptop.warp
intra:80
db=intra:5432
WANT
    run -0 bin/relayagent -t -C own/vpn-warp/laptop.conf
    [ ! -e systemctl.log ]

    # with a key of its own, and systemd
    mkdir -p own/run/systemd/system
    warp laptop alice relay cert ca
    cp -p alice/private.pem laptop.key
    run -0 own_host bin/relayagent --install laptop.warp intra:81
    [[ $output == *'relayagent@laptop.service: enabled and started'* ]]
    [ "$(stat -c '%u %a' own/vpn-warp/laptop.key)" = '64321 600' ]
    diff systemctl.log <(printf '%s\n' '-q enable relayagent@laptop.service' '-q restart relayagent@laptop.service')
    grep -x intra:81 own/vpn-warp/laptop.conf
    : >broken
    run -69 own_host bin/relayagent --install laptop.warp intra:81
    [[ $output == *'systemctl enable relayagent@laptop.service: failed: see systemctl status relayagent@laptop.service' ]]
}

@test "--install makes a service of a stone, with all that its command line says" {
    needs_own_host
    mkdir -p own/run/systemd/system
    warp laptop alice
    run -0 own_host bin/relay-stone --install laptop.warp 8080
    [[ $output == */etc/vpn-warp/laptop.warp*/etc/vpn-warp/laptop.conf*'relay-stone@laptop.service: enabled and started'* ]]
    [ "$(stat -c '%u %g %a' own/vpn-warp/laptop.warp)" = '64322 64322 600' ]
    diff systemctl.log <(printf '%s\n' '-q enable relay-stone@laptop.service' '-q restart relay-stone@laptop.service')
    diff own/vpn-warp/laptop.conf - <<'WANT'
# made by relay-stone --install, see relay-stone(1)
laptop.warp 8080 
WANT
    run -0 own_host bin/relay-stone --install -rf laptop.warp -q seal=require --sessions 2 8080 \
        'GET /x.warp HTTP/1.1\r\nX-Service: #db $1' '!' 192.0.2.0/24 -- localhost:8081
    diff <(grep -v '^#' own/vpn-warp/laptop.conf) - <<'WANT'
-f laptop.warp
-q 'seal=require'
--sessions 2
8080 'GET /x.warp HTTP/1.1\r\nX-Service: #db $1' '!' 192.0.2.0/24 --
'localhost:8081' 
WANT
    run -0 bin/relay-stone -t -C own/vpn-warp/laptop.conf

    # neither takes the other's name, nor a person's
    run -73 own_host bin/relayagent --install laptop.warp intra:80
    [[ $output == 'relayagent: /etc/vpn-warp/laptop.conf: there already, and not made by relayagent --install: give laptop.warp another name' ]]
    grep -q '^8080 ' own/vpn-warp/laptop.conf
    echo laptop.warp 8082 >own/vpn-warp/laptop.conf
    run -73 own_host bin/relay-stone --install laptop.warp 8080
    [[ $output == *'laptop.conf: there already, and not made by relay-stone --install'* ]]
}

# refuses_to_install STATUS TEXT ARGUMENT...: and nothing is in place.
refuses_to_install() {
    run "-$1" own_host "bin/$program" --install "${@:3}"
    [[ $output == "$program: "*"$2"* ]] || {
        echo "$output"
        return 1
    }
    [ -z "$(ls own/vpn-warp)" ]
}

@test "--install refuses what cannot be a service, and leaves nothing" {
    needs_own_host
    program=relayagent
    warp laptop alice
    cp laptop.warp 'a b.warp'
    warp past past
    refuses_to_install 64 'not a good name' 'a b.warp' intra:80
    refuses_to_install 78 'expired at' past.warp intra:80
    refuses_to_install 64 '--install: -a names a further file: write a /etc/vpn-warp/laptop.conf by hand' -a ca.pem laptop.warp intra:80
    refuses_to_install 64 '--install: takes one file.warp, no -C' -k alice/private.pem -c alice/cert.pem r:443 intra:80
    refuses_to_install 78 'no target:port' laptop.warp
    chmod 644 laptop.warp
    refuses_to_install 78 'chmod 600 it' laptop.warp intra:80
    program=relay-stone
    refuses_to_install 78 'chmod 600 it' laptop.warp 8080
    chmod 600 laptop.warp
    refuses_to_install 78 'expired at' past.warp 8080
    refuses_to_install 64 'not a good name' 'a b.warp' 8080
    refuses_to_install 78 'it is not said where to listen' laptop.warp
    refuses_to_install 78 '--stdio: a service listens: leave it out' --stdio laptop.warp
    refuses_to_install 64 '--install: CAfile=ca.pem names a further file' -q CAfile=ca.pem laptop.warp 8080
    refuses_to_install 64 '--install: takes one file.warp, no -C' laptop.warp 8080 -- ./laptop.warp 8081
    refuses_to_install 64 "a quote in it: write the configuration of the service by hand" laptop.warp 8080 "GET /' HTTP/1.1"
    echo laptop.warp 8080 >stone.conf
    refuses_to_install 64 'no -C' -C stone.conf
    sed -i '/vpn-warp-/d' passwd
    for program in relayagent relay-stone; do
        run -67 unshare -m bash -c 'mount --bind passwd /etc/passwd && exec "$@"' - "bin/$program" --install laptop.warp 8080:80
        [[ $output == *': no such user'* ]]
    done
}
