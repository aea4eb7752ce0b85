#!/usr/bin/env bats
# relay-ca setup: a relay on this host, from nothing to running, and what is in
# its way is said in a line.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones

setup_file() {
    make_pki alice
}

setup() {
    is_root || skip 'needs root'
    prepare
    mkdir etc
    sed -e "/^listen = \[/d; s/^listen = .*/listen = 127.0.0.1:$relay_port/" \
        -e "s,^#socket = .*,socket = $scratch/broker.sock," \
        -e "s/^#user = .*/user = $relay_user/; s/^#group = .*/group = $relay_group/" \
        -e "s,^#keyd = .*,#keyd = $scratch/keyd/keyd.sock,; s/^#keyd_user = .*/keyd_user = $keyd_user/" \
        -e "s/^#handler_user = .*/handler_user = $handler_user/" \
        "$tests/../broker/relay.conf" >etc/relay.conf
    sed -i "/^listen/s/.*/listen = 127.0.0.1:$relay_port/" etc/relay.conf
    export PATH=$scratch/stubs:$scratch/bin:$PATH
    mkdir stubs
    printf '#!/bin/sh\nexit 1\n' >stubs/systemctl # there is none
    chmod 755 stubs/systemctl
}

set_up() {
    relay-ca -d "$scratch/etc/ca" setup "$@" 3>&-
}

# fails STATUS TEXT ARGUMENT...: in a line.
fails_to_set_up() {
    local want=$1 text=$2
    shift 2
    run --separate-stderr "-$want" set_up "$@"
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "relay-ca: "*"$text"* ]] || {
        echo "$stderr"
        return 1
    }
}

# by_hand: the relay, from those files.
by_hand() {
    cp etc/relay.conf relay.conf.before
    start keyd bin/relay-keyd -c etc/relay.conf
    await_start keyd says keyd ' start '
    start broker bin/relay-broker -c etc/relay.conf
    await_start broker says broker ' start '
    start relay bin/relay-listen -c etc/relay.conf
    await_start relay says relay ' start '
}

@test "it makes all files, with owner and mode, and says how to start the relay; then two files are enough" {
    run -0 set_up localhost 127.0.0.1
    [[ $output == *"# relay-keyd -D -c $scratch/etc/relay.conf"*"# relay-broker -D -c $scratch/etc/relay.conf"*"# relay-listen -D -c "*"cron(8)"* ]]
    [ "$(stat -c '%U %a' etc/private.pem)" = "$keyd_user 600" ]
    grep -x "keyd = $scratch/keyd/keyd.sock" etc/relay.conf
    [ "$(stat -c '%U %a' etc/cert.pem etc/ca.pem etc/crl.pem etc/customers etc/relay.conf | sort -u)" = 'root 644' ]
    grep -x 'crl = crl.pem' etc/relay.conf
    grep -x 'customers = customers' etc/relay.conf
    # what it has others run does not depend on where it was run
    run -0 relay-ca -d etc/ca setup localhost 127.0.0.1
    [[ $output == *"  # relay-ca -d $scratch/etc/ca crl && install "*"next: relay-ca -d $scratch/etc/ca client --bundle "* ]]
    by_hand
    relay-ca -d etc/ca client --bundle --relay 127.0.0.1 laptop
    cp etc/ca/client/laptop/laptop.warp .
    start_target target whole laptop
    start agent bin/relayagent laptop.warp "$target"
    wait_until 60 waits agent 2
    stone_port=$(free_port)
    start stone bin/relay-stone laptop.warp "$stone_port"
    await_start stone says stone ' start '
    client session "$stone_port" laptop 10000 20000
}

@test "a second time it keeps what is good, and has a relay that runs read it" {
    set_up localhost
    sum=$(sha256sum etc/ca/ca.pem etc/cert.pem etc/private.pem)
    run -0 set_up localhost
    [[ $output == *"authority    $scratch/etc/ca: kept"* ]]
    [[ $output == *'certificate  localhost: kept'* ]]
    [ "$(sha256sum etc/ca/ca.pem etc/cert.pem etc/private.pem)" = "$sum" ]
    by_hand
    run -0 set_up localhost
    [[ $output == *"programs     run already (process $(pid_of relay))"*"answer       port $relay_port: as localhost"* ]]
    says relay ' reloaded'
    # a certificate that is about to end
    relay-ca -d etc/ca revoke localhost
    relay-ca -d etc/ca server -D 20 localhost
    run -0 set_up localhost
    [[ $output == *'certificate  localhost: renewed, since it was about to end'* ]]
    openssl x509 -in etc/cert.pem -noout -checkend $((100 * 86400))
    # one that was revoked
    relay-ca -d etc/ca revoke localhost
    run -0 set_up localhost
    [[ $output == *'certificate  localhost: made'* ]]
}

@test "a relay that was set up by hand or by another authority is not overwritten" {
    cp "$pki/ca.pem" etc/ca.pem
    fails_to_set_up 73 'etc/ca.pem: not of the authority in ' localhost
    rm etc/ca.pem
    cp "$pki/server/127.0.0.1/cert.pem" etc/cert.pem
    fails_to_set_up 73 'etc/cert.pem: not of the authority in ' localhost
    rm etc/cert.pem
    sed -i 's,^certificate = .*,certificate = /etc/public/fullchain.pem,' etc/relay.conf
    fails_to_set_up 73 'certificate = /etc/public/fullchain.pem: not as this would set it up' localhost
    [ ! -e etc/ca ]
}

@test "a port that is taken is said with who has it, and --port takes another" {
    printf '#!/bin/sh\nexit 127\n' >stubs/ss # what shows sockets is on no small host
    chmod 755 stubs/ss
    start other python3 -c "import http.server
http.server.HTTPServer(('127.0.0.1', $relay_port), http.server.SimpleHTTPRequestHandler).serve_forever()"
    wait_until 60 listening "$relay_port"
    fails_to_set_up 69 "port $relay_port: taken by python3 (process $(pid_of other)): end that, or run relay-ca -d $scratch/etc/ca setup --port 8443 localhost" localhost
    [ ! -e etc/ca ]
    another=$(free_port)
    set_up --port "$another" localhost
    grep -x "listen = 127.0.0.1:$another" etc/relay.conf
    relay-ca -d etc/ca client --bundle laptop
    grep -x "relay = localhost:$another" etc/ca/client/laptop/laptop.warp
}

@test "where who has the port cannot be seen, nobody is named" {
    start other python3 -c "import http.server
http.server.HTTPServer(('127.0.0.1', $relay_port), http.server.SimpleHTTPRequestHandler).serve_forever()"
    wait_until 60 listening "$relay_port"
    unshare --mount --pid --fork --mount-proc true || skip 'needs namespaces'
    run -69 unshare --mount --pid --fork --kill-child --mount-proc relay-ca -d "$scratch/etc/ca" setup localhost 3>&-
    [ "$output" = "relay-ca: port $relay_port: taken by a process that cannot be seen from here, of another container perhaps: end that, or run relay-ca -d $scratch/etc/ca setup --port 8443 localhost" ]
    [ ! -e etc/ca ]
}

@test "what is missing is said, and nothing is begun" {
    fails_to_set_up 64 'setup: give the NAME'
    fails_to_set_up 64 '-x: no such option' -x 1 localhost
    fails_to_set_up 65 'not the name of a server' 1.2.3
    fails_to_set_up 65 '--port 70000: not a port' --port 70000 localhost
    fails_to_set_up 65 '--port web: not a port' --port web localhost
    sed -i 's/^user = .*/user = nobody-at-all/' etc/relay.conf
    fails_to_set_up 67 'nobody-at-all: no such user' localhost
    mv etc/relay.conf .
    fails_to_set_up 66 'relay.conf: not there: install the relay on this host first' localhost
    [ ! -e etc/ca ]
}

# A stand-in for systemd, whose units start the programs.
write_systemctl() {
    cat >stubs/systemctl <<SCRIPT
#!/bin/bash
echo "\$*" >>$scratch/systemctl.log
case "\$*" in
    cat*) echo 'ExecStart=relay-broker -c $scratch/etc/relay.conf' ;;
    'show -p Listen'*) echo 'Listen=127.0.0.1:$relay_port (Stream)' ;;
    *is-active*) [ -e "$scratch/on.\${!#}" ] ;;
    *enable*relay-keyd*) bin/relay-keyd -D -c etc/relay.conf; : >$scratch/on.relay-keyd.service ;;
    *enable*relay-broker*) bin/relay-broker -D -c etc/relay.conf; : >$scratch/on.relay-broker.service ;;
    *enable*relay-listen.service) bin/relay-listen -D -c etc/relay.conf; : >$scratch/on.relay-listen.service ;;
    *enable*) : >"$scratch/on.\${!#}" ;;
esac
SCRIPT
}

# end_daemons: those of this test, by the paths in their command lines.
end_daemons() {
    local pid
    for pid in $(pgrep -f "^bin/relay-(keyd|broker|listen) -D -c etc/relay.conf"); do
        [ "$(readlink "/proc/$pid/cwd")" != "$scratch" ] && ! grep -qz "$scratch" "/proc/$pid/maps" || kill "$pid" || :
    done
}

@test "under systemd it enables and starts the units, and checks that the relay answers" {
    write_systemctl
    run set_up localhost
    echo "$output"
    end_daemons
    [ "$status" -eq 0 ]
    [[ $output == *'services     relay-keyd.service relay-broker.service relay-listen.socket relay-listen.service relay-ca-crl.timer: enabled and running'* ]]
    [[ $output == *"answer       port $relay_port: as localhost"* ]]
    grep -q 'enable --now relay-ca-crl.timer' systemctl.log
    run ! grep -q 'cron' <<<"$output"
}

@test "under systemd a unit that does not start is named" {
    write_systemctl
    sed -i 's/^    \*enable\*relay-broker.*/    *enable*relay-broker*) exit 1 ;;/' stubs/systemctl
    fails_to_set_up 69 'relay-broker.service: does not start: see systemctl status relay-broker.service' localhost
    end_daemons # relay-keyd was before it
}
