#!/usr/bin/env bats
# The examples of the pages are run as they stand there.
#
# shellcheck disable=SC2016,SC2154

load ../lib/helpers

load ../lib/docs

setup_file() {
    make_pki laptop
}

@test 'relay-protocol: the digest, computed as the page says, is the one that the relay sends' {
    start_broker
    start_relay listen
    start_play agent <<'END'
agent = Peer("laptop")
agent.send(POLL + b"\r\n")
print(agent.head().decode(), flush=True)
agent.close()
END
    ended_well agent
    cd laptop
    digest=$(
        eval "$(commands relay-protocol.7 'entitlement=')"
        echo "$digest"
    )
    entitlement=$(example relay-protocol.7 'entitlement=' | sed -n "s/.*entitlement='\(.*\)'/\1/p")
    grep -F "X-Customer: $entitlement&digest=$digest" "$scratch/agent.log"
}

@test 'relay-protocol: the identity, computed as the page says, is the one of the log' {
    start_broker
    start_relay listen
    start_agent agent laptop 127.0.0.1:1
    wait_until 60 says relay ' agent-waits '
    cd laptop
    identity=$(eval "$(commands relay-protocol.7 'dgst -sha256 -r')" | cut -d ' ' -f 1)
    says relay " agent-waits .*identity=$identity\$"
}

@test 'relay-protocol: agent and stone by hand' {
    start_broker
    start_relay listen
    cp ca.pem laptop
    cd laptop
    example relay-protocol.7 'GET /KLAB/poll HTTP/1.1
X-Ver: 2
' >hand
    command=$(commands relay-protocol.7 verify_hostname | sed -n '/openssl/,/private.pem/p' |
        sed "s/relay.example.org:443/127.0.0.1:$relay_port/; s/-verify_hostname relay.example.org/-verify_ip 127.0.0.1/")
    # typed LINE...: the command, with somebody at its terminal.
    typed() {
        {
            sed -n '/^GET/,$p' <<<"$1"
            echo
            wait_until 60 [ -e "$2" ]
            [ -z "$3" ] || printf '%b' "$3"
            wait_until 60 [ -e ended ]
        } | eval "timeout 60 $command" 2>&1
    }
    start hand-agent typed "$(<hand)" answer 'HTTP/1.1 200 OK\n\nwhat the stone shall see\n'
    wait_until 60 says relay ' agent-waits '
    start hand-stone typed 'GET / HTTP/1.1' /dev/null 'from the stone\n'
    wait_until 60 says hand-agent '^from the stone'
    says hand-agent '^GET / HTTP/1.1'
    says hand-agent '^X-Forwarded-For: 127.0.0.1'
    : >answer
    wait_until 60 says hand-stone '^what the stone shall see'
    : >ended
    # nobody at a terminal ends the session: its handlers do
    children_of "$(pid_of relay)"
    kill -KILL "${children[@]}"
    await_end hand-agent || :
    await_end hand-stone || :
}

@test 'pages: what they say of installing and running works as it stands' {
    is_root && unshare -mpn --fork true 2>/dev/null || skip 'needs root and namespaces'
    export -f commands example scp wait_until pause await not installed_host fetch handed_over
    export root tests scratch never
    env -u MAKEFLAGS -u MAKELEVEL unshare -mpn --fork --mount-proc \
        bash -eEc 'trap "echo failed at line \$LINENO: \$BASH_COMMAND" ERR; installed_host' \
        >"$scratch/installed.log" 2>&1 3>&-
}

# await SECONDS COMMAND...: wait_until, without a trace of each attempt.
await() {
    { set +x; } 2>/dev/null
    wait_until "$@" >/dev/null 2>&1 || {
        echo "never happened: $*"
        return 1
    }
    set -x
}

# fetch [PORT]: the page of intra through port 8080, or this one.
# shellcheck disable=SC2120
fetch() {
    [ "$(curl -s -m 5 "http://localhost:${1:-8080}/")" = 'hello from intra' ]
}

# scp FROM TO: as the page has it, of the one host that is all three.
scp() {
    [ "$1" = -p ]
    # shellcheck disable=SC2086 # a pattern may be in it
    cp -p ${2#*:} "$3"
}

# handed_over: a fetch, by an agent whose connection is.
# shellcheck disable=SC2119
handed_over() {
    fetch && pgrep -x relay-handoff
}

# installed_host: all three hosts in one that nobody else sees: its own
# processes, loopback interface, and layers over the folders that change.
# shellcheck disable=SC2094,SC2317
installed_host() {
    local folder layer=$scratch/layer home=$scratch/relay
    [ $$ -eq 1 ] # what follows ends programs by their names
    exec </dev/null
    set -x
    mkdir "$layer"
    mount -t tmpfs none "$layer"
    for folder in etc usr/local; do
        mkdir -p "$layer/$folder/upper" "$layer/$folder/work"
        mount -t overlay none "/$folder" \
            -o "lowerdir=/$folder,upperdir=$layer/$folder/upper,workdir=$layer/$folder/work"
    done
    mount -t tmpfs -o mode=755 none /run
    busybox ifconfig lo 127.0.0.1 up
    sed -i '/example.org/d' /etc/hosts
    echo '127.0.0.1 relay.example.org intra' >>/etc/hosts
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

    # the relay host
    cd "$root" || return
    eval "$(commands relay-install.7 'make install')"
    eval "$(commands relay-install.7 'relay-ca init')"
    eval "$(commands relay-install.7 'install -m 600 -o vpn-warp ca/')"
    sed -n 's/^\.It Pa \(.*\) Ta \(.*\) Ta \([0-7]*\) Ta .*/\1 \2 \3/p' "$root/man/relay-install.7" >"$scratch/files"
    [ "$(wc -l <"$scratch/files")" -gt 5 ]
    while read -r file owner mode; do
        [ "$(stat -c '%U %a' "$file")" = "$owner $mode" ]
    done <"$scratch/files"
    eval "$(commands relay-install.7 'relay-broker -D')"
    eval "$(commands relay-install.7 'relay-listen -D')"
    commands relay.conf.5 'relay-listen -t' | bash -e | grep -x good
    eval "$(commands relay-handler.8 'relay-handler -t')"

    # the other two
    mkdir "$scratch/web"
    cd "$scratch" || return
    eval "$(commands relay-install.7 'scp -p')"
    [ "$PWD $(stat -c %a . private.pem | xargs)" = "$home 700 600" ]
    example relay-install.7 '-k private.pem' >agent.conf
    diff agent.conf <(commands relayagent.1 '-k private.pem')
    example relay-install.7 'verify' >stone.conf
    echo 'hello from intra' >"$scratch/web/index.html"
    python3 -m http.server -d "$scratch/web" 10080 >web.log 2>&1 &
    eval "$(commands relay-install.7 'relayagent -t')"
    bash -c "$(commands relay-install.7 '$ stone -C')" >stone.log 2>&1 &
    await 20 fetch
    sed -i 's/8080/8083/' stone.conf
    bash -c "$(commands relay-install.7 'stone -P')" >stone.log 2>&1 &
    await 20 fetch 8083
    # relay-stone reads that file as it is
    sed -i 's/8083/8084/' stone.conf
    relay-stone -P "" -C stone.conf >stone.log 2>&1 &
    await 20 fetch 8084

    # relay-listen(8): another list
    eval "$(commands relay-listen.8 '# relay-ca crl')"
    commands relay-listen.8 'sh -e' >weekly
    chmod +x weekly
    ./weekly
    await 20 fetch

    # relay-changes(7): another version
    cd "$root" || return
    eval "$(commands relay-changes.7 'until relay-broker')"
    cd "$home" || return
    await 20 fetch

    # relayagent(1), by its command line; and relay-protocol(7), with curl
    pkill -x relayagent
    commands relayagent.1 'private.pem -c cert.pem' >by-hand
    bash by-hand >agent.log 2>&1 &
    await 20 fetch
    pkill -x relayagent
    sed 's/ -n / /' by-hand | bash >waiting.log 2>&1 &
    await 20 grep -q ' waiting ' waiting.log
    [ "$(eval "$(commands relay-protocol.7 'curl ')" 2>/dev/null)" = 'hello from intra' ]
    pkill -x relayagent

    # relayagent(1), as it starts by its file
    bash -c "$(commands relayagent.1 'relayagent -t')" >agent.log 2>&1 &
    await 20 fetch

    # relay-stone(1) beside stone, by its command line and by its file
    commands relay-stone.1 'private.pem -q cert' | sed 's/8080/8081/' >by-hand
    bash by-hand >stone.log 2>&1 &
    await 20 fetch 8081
    pkill -x relay-stone
    await 10 not fetch 8081
    commands relay-stone.1 '-q key=private.pem' | sed 's/8080/8081/' >stone.conf
    bash -c "$(commands relay-stone.1 'relay-stone -t')" >stone.log 2>&1 &
    await 20 fetch 8081

    # relay-handler(8), by hand, for one stone
    bash -c "$(commands relay-handler.8 'busybox nc')" >handler.log 2>&1 &
    await 10 bash -c 'echo | curl -s -m 5 --cacert ca.pem --cert cert.pem --key private.pem \
        https://relay.example.org:4443/KLAB/x | grep "only poll"'

    # xinetd instead of relay-listen
    eval "$(commands relay-install.7 'service xinetd restart')"
    await 60 fetch
    await 10 not pgrep -x relay-handoff # which each handler is before it is one

    # xinetd with relay-listen
    cp /etc/vpn-warp/relay.conf "$home/relay.conf"
    eval "$(commands relay-install.7 's/^#handoff')"
    cmp /etc/vpn-warp/relay.conf <(
        eval "$(commands relay-handoff.8 'sed -i' | sed -n "s,.*sed -i \(.*\) relay.conf,sed \1 $home/relay.conf,p")"
    )
    await 60 handed_over
    pkill -x relay-listen
    cp "$home/relay.conf" /etc/vpn-warp/relay.conf
    await 60 fetch

    # relay-broker(8) and relay-listen(8), in the foreground
    pkill -x xinetd
    pkill -x relay-broker
    await 10 not pgrep -x relay-broker
    cd /etc/vpn-warp || return
    bash -c "$(commands relay-broker.8 './relay.conf')" >"$home/broker.log" 2>&1 &
    bash -c "$(commands relay-listen.8 './relay.conf')" >"$home/listen.log" 2>&1 &
    await 60 fetch
    grep ' start ' "$home/broker.log" "$home/listen.log"

    # relay-stone beside stone, and a look at all of it
    cd "$home" || return
    diff <(example relay-install.7 '-q CAfile=ca.pem
relay.example') <(example relay-stone.1 '-q key=private.pem')
    example relay-install.7 '-q CAfile=ca.pem
relay.example' | sed 's/8080/8082/' >stone.conf
    bash -c "$(commands relay-install.7 '$ relay-stone -C')" >stone.log 2>&1 &
    await 20 fetch 8082
    eval "$(commands relay-install.7 'relayctl reload')"

    # its pages, where there is no man(1)
    cd "$root" || return
    bash -o pipefail -c "$(commands relay-install.7 'mandoc ')" | grep 'RELAY-INSTALL(7)'
}

@test 'make run with a TARGET where nothing is says which, and that' {
    command -v stone >/dev/null && command -v xinetd >/dev/null || skip 'needs stone and xinetd'
    run -1 env B="${built%/bin}" TARGET=localhost:1 "$root/tests/demo.sh" stay
    [[ $output == *'demo: FAIL: your own localhost:1 is not there: Connection refused; start it,'* ]]
}
