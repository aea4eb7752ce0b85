#!/usr/bin/env bats
# README's seven commands, as they stand there, on three hosts that systemd has
# booted; then what goes wrong on such hosts. "make test-seven" builds the packages,
# makes the hosts, and runs this.
#
#   DEBS     a folder of the packages
#   SUITE    which Debian the hosts are
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2119,SC2120,SC2154,SC2317

load ../lib/helpers
load ../lib/lan
load ../lib/system
load ../lib/packages
load ../lib/hosts
load ../lib/forge

setup_file() {
    [ -n "${DEBS-}" ] || skip 'needs packages: make test-seven'
    is_root || skip 'needs root'
    export folder=$BATS_FILE_TMPDIR
    make_lan
    export lan
    cd "$tests/.." || return
    make_hosts relay=192.0.2.1 remote=192.0.2.2 local=192.0.2.3
    lead_to_intra
    start_hosts
    echo '<h1>hello from intra</h1>' >"$folder/index.html"
    on intra python3 -m http.server -d "$folder" 10080 >"$folder/web.log" 2>&1 3>&- &
    echo $! >"$folder/web.pid"
}

teardown_file() {
    [ ! -e "$folder/web.pid" ] || kill "$(<"$folder/web.pid")"
    [ -z "${lan-}" ] || end_hosts
}

setup() {
    not_installed=
    cd "$folder" || return
}

teardown() {
    [ -z "$BATS_TEST_COMPLETED$not_installed" ] || return 0
    tail -n 30 ./*.log
    within remote journalctl --no-pager -q -n 20 -u 'relayagent@*'
    within relay journalctl --no-pager -q -n 20 -u 'relay-*'
}

# lead_to_intra: a lan behind the remote host, with intra on it.
lead_to_intra() {
    ip netns add "$lan.intra"
    hosts+=(intra)
    ip -n "$lan.remote" link add eth1 type veth peer name eth0 netns "$lan.intra"
    ip -n "$lan.remote" address add 198.51.100.2/24 dev eth1
    ip -n "$lan.remote" link set eth1 up
    ip -n "$lan.intra" address add 198.51.100.1/24 dev eth0
    ip -n "$lan.intra" link set eth0 up
    echo '198.51.100.1 intra' >>"$folder/remote/etc/hosts"
}

# fetch [PORT]: the page of intra, at the local host.
fetch() {
    [[ $(on local curl -sS -m 10 "http://localhost:${1:-8080}/" 2>"$folder/fetch.log") == *'hello from intra'* ]]
}

# ---- README ----------------------------------------------------------------------

# script: README's block of commands and what they print.
script() {
    sed -n '/^```console$/,/^```$/{/^```/!p}' "$tests/../README.md"
}

# alike: what is another each time, times and digests, is not.
alike() {
    sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/; s/ sha256 .*/ sha256 DIGEST/; s/\[[0-9]+\]/[PID]/'
}

# typed HOST PROMPT COMMAND: by root, who says yes, or by another user, who stays
# logged in.
typed() {
    echo "$1$2 $3" >&3
    if [ "$2" = '#' ]; then
        within "$1" sh -c "cd && $3" <<<y 2>>"$folder/stderr.log"
    else
        start_typed "$1" "$3"
    fi
}

# start_typed HOST COMMAND: until the host ends; prints its first line.
start_typed() {
    within "$1" su - user -c "$2" >"$folder/user.log" 2>&1 3>&- </dev/null &
    wait_until 60 [ -s "$folder/user.log" ] || return
    cat "$folder/user.log"
}

# carry: what the owner does with the file, by scp -p.
carry() {
    cp -p relay/etc/vpn-warp/ca/client/laptop/laptop.warp remote/root
    cp -p relay/etc/vpn-warp/ca/client/laptop/laptop.warp local/home/user
    within local chown user: /home/user/laptop.warp
}

# seven_commands: each one, with what it prints; once, by whichever test is first.
seven_commands() {
    local line said want=() count=0
    [ ! -e seven.done ] || return 0
    if [ -e seven.begun ]; then
        not_installed=1
        echo "README's seven commands failed in a test before this one, which tells how: nothing is installed that this could try"
        return 1
    fi
    : >seven.begun
    script >script
    printf '\n' >>script # the last one's output has an end
    while IFS= read -r line; do
        if [[ $line =~ ^(relay|remote|local)([#$])\ (.*)$ ]] || [ -z "$line" ]; then
            compare_output "${want[@]}"
            [ -n "$line" ] || break
            count=$((count + 1)) want=()
            said=$(typed "${BASH_REMATCH[@]:1}" 3>>commands.log)
            [[ $line != *'relay-ca client'* ]] || carry
        else
            want+=("$line")
        fi
    done <script
    [ "$count" -eq 7 ]
    wait_until 60 fetch
    : >seven.done
}

# compare_output WANT...: with what the last command said; of apt nobody wants that.
compare_output() {
    [ -n "${said-}" ] && [ $# -gt 0 ] || return 0
    diff <(printf '%s\n' "$@" | alike) <(alike <<<"$said")
}

# all_are active|enabled HOST UNIT...: systemctl itself is content with one.
all_are() {
    local unit
    for unit in "${@:3}"; do
        within "$2" systemctl --quiet "is-$1" "$unit" || return
    done
}

@test "README's seven commands print what it says, and lead to the page of intra" {
    seven_commands
    fetch
    diff <(cut -d ' ' -f 1-3 commands.log) <(script | grep -E '^[a-z]+[#$] ' | cut -d ' ' -f 1-3)
    # there is no other way
    run -7 on local curl -sS -m 2 http://198.51.100.1:10080/
    # what nobody but its owner may read is closed, and each program has its user
    [ "$(within relay stat -c '%U %a' /etc/vpn-warp/private.pem /etc/vpn-warp/ca/private | xargs)" = 'vpn-warp-keyd 600 root 700' ]
    [ "$(within remote stat -c '%U %a' /etc/vpn-warp/laptop.warp)" = 'vpn-warp-agent 600' ]
    [ "$(within relay ps -C relay-broker -o user= | sort -u)" = vpn-warp ]
    all_are enabled relay relay-broker relay-listen relay-ca-crl.timer
    all_are enabled remote relayagent@laptop
    # nothing else failed on any
    for host in relay remote local; do
        [ -z "$(within "$host" systemctl list-units --failed --no-legend 'relay*')" ]
    done
}

@test "relay and remote host come back from a reboot by themselves, and the local host does not notice" {
    seven_commands
    reboot_host relay
    reboot_host remote
    wait_until 60 fetch
}

# ---- what goes wrong -------------------------------------------------------------

# as_root HOST COMMAND, as_user HOST COMMAND
as_root() {
    within "$1" sh -c "cd && $2" </dev/null 3>&-
}

as_user() {
    within "$1" su - user -c "$2" </dev/null 3>&-
}

# warp_of FILE...: bad.warp, of these parts, on both hosts.
warp_of() {
    cat "$@" >bad.warp
    install -m 600 bad.warp remote/root/bad.warp
    install -m 600 bad.warp local/home/user/bad.warp
    within local chown user: /home/user/bad.warp
}

# parts: those of laptop.warp: preamble, key, leaf and authority.
parts() {
    rm -f part.*
    awk '/^-----BEGIN/ { n++ } { print > "part." n + 0 }' remote/root/laptop.warp
    [ -s part.3 ] && [ ! -e part.4 ]
}

# both_refuse TEXT: in a line each; nothing is in place.
both_refuse() {
    run -78 as_root remote 'relayagent --install bad.warp intra:10080'
    said "relayagent: bad.warp: $1"
    run -78 as_root local 'cp -p ~user/bad.warp . && relay-stone --install bad.warp 8081'
    said "relay-stone: command line: bad.warp: $1"
    run -78 as_user local 'relay-stone -t bad.warp 8081'
    said "relay-stone: command line: bad.warp: $1"
    ! compgen -G '*/etc/vpn-warp/bad.*'
}

said() {
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "$1"* ]] || {
        echo "wanted: $1"
        echo "said: $output"
        return 1
    }
}

@test "a file that lacks a part, has another's key, is out of date or open to others is no service, and a line says what to do" {
    seven_commands
    parts
    warp_of part.0 part.1 part.2
    both_refuse "no certificate of an authority in it: add the relay's ca.pem"
    warp_of part.0 part.2 part.3
    both_refuse 'no key in it, and no bad.key: put that here'
    warp_of part.1 part.2 part.3
    both_refuse 'it does not say where the relay is: write a line relay = HOST:PORT'
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key
    warp_of part.0 other.key part.2 part.3
    both_refuse 'its certificate is not that of the key: use the key that was made for it'
    pki=$folder/relay/etc/vpn-warp/ca
    forge past 20200101000000Z 20210101000000Z clientAuth
    warp_of part.0 "$pki"/client/past/{private,cert}.pem part.3
    both_refuse 'expired at 2021-01-01T00:00:00Z'
    [[ $output == *'if the clock is right, get a new file from who runs the relay' ]]
    warp_of part.[0-3]
    chmod 644 remote/root/bad.warp local/home/user/bad.warp
    both_refuse 'a key that others can read or write (mode 0644); chmod 600 it'
}

@test "a relay by a name that it does not have is not taken, and log and check say which it has" {
    local host
    seven_commands
    for host in remote local; do
        echo '192.0.2.1 other.example.org' >>"$host/etc/hosts"
    done
    parts
    sed -i 's/^relay = .*/relay = other.example.org:443/' part.0
    warp_of part.[0-3]
    as_root remote 'relayagent --install bad.warp intra:10080'
    # in the log, and by the check
    in_journal() {
        within remote journalctl -q -u relayagent@bad |
            grep "relay's_certificate_is_for_relay.example.org:_write_one_of_these_as_the_relay"
    }
    wait_until 60 in_journal
    run as_root remote 'relayagent check -C /etc/vpn-warp/bad.conf'
    [[ $output == *"the relay's certificate is not for other.example.org, but for DNS:relay.example.org"* ]]
    run as_user local 'relay-stone check bad.warp 8081'
    [[ $output == *"the relay's certificate is not for other.example.org, but for DNS:relay.example.org"* ]]
    as_root remote 'systemctl disable --quiet --now relayagent@bad && rm /etc/vpn-warp/bad.*'
}

@test "relay-stone --install makes a service that listens with the host, or says that it cannot" {
    seven_commands
    as_root local 'cp -p ~user/laptop.warp second.warp'
    run -69 as_root local 'relay-stone --install second.warp 8080'
    [[ $output == *'relay-stone@second.service: failed: see systemctl status relay-stone@second.service' ]]
    in_journal() {
        within local journalctl -q -u relay-stone@second | grep 'localhost:8080: Address already in use'
    }
    wait_until 60 in_journal
    run -0 as_root local 'relay-stone --install second.warp 8081'
    [[ $output == *'relay-stone@second.service: enabled and started'* ]]
    [ "$(within local stat -c '%U %a' /etc/vpn-warp/second.warp)" = 'vpn-warp-stone 600' ]
    wait_until 60 fetch 8081
    run -0 as_root local 'relay-stone --install second.warp 8082'
    wait_until 60 fetch 8082
    all_are enabled local relay-stone@second
    as_root local 'systemctl disable --quiet --now relay-stone@second'
}

@test "each command a second time changes nothing that is good, and over older files and packages brings the newer" {
    local host before
    seven_commands
    before=$(sha256sum relay/etc/vpn-warp/*.pem remote/etc/vpn-warp/*)
    run -0 as_root relay 'apt install -y ./vpn-warp-relay_*.deb 2>/dev/null && relay-ca setup relay.example.org'
    [[ $output == *'authority    /etc/vpn-warp/ca: kept'*'certificate  relay.example.org: kept'*'answer       port 443'* ]]
    as_root relay 'relay-ca client --bundle laptop'
    as_root remote 'apt install -y ./vpn-warp-agent_*.deb && relayagent --install laptop.warp intra:10080'
    [ "$(sha256sum relay/etc/vpn-warp/{ca,cert,private}.pem remote/etc/vpn-warp/*)" = "$(grep -v crl.pem <<<"$before")" ]
    wait_until 60 fetch

    # a newer certificate
    as_root relay 'relay-ca renew laptop && relayctl reload'
    carry
    as_root remote 'relayagent --install laptop.warp intra:10080'
    cmp relay/etc/vpn-warp/ca/client/laptop/laptop.warp remote/etc/vpn-warp/laptop.warp
    wait_until 60 fetch

    # newer packages
    renumbered "$DEBS" +next next
    for host in relay=relay remote=agent local=stone; do
        cp -r next "${host%=*}/root"
        as_root "${host%=*}" "apt install -y ./next/vpn-warp-${host#*=}_*.deb"
        [[ $(within "${host%=*}" dpkg-query -W -f '${Version}' "vpn-warp-${host#*=}") == *+next ]]
    done
    wait_until 60 fetch
}

@test "where port 443 is taken, setup says by whom, and what it suggests works" {
    as_root local 'apt install -y ./vpn-warp-relay_*.deb'
    as_root local 'busybox httpd -p 443'
    run -69 as_root local 'relay-ca setup local.example.org'
    [[ $output =~ ^'relay-ca: port 443: taken by busybox (process '[0-9]+'): end that, or run '(relay-ca setup --port 8443 local.example.org)$ ]]
    [ ! -e local/etc/vpn-warp/ca ]
    run -0 as_root local "${BASH_REMATCH[1]}"
    [[ $output == *'answer       port 8443: as local.example.org'* ]]
    all_are active local relay-broker relay-listen relay-listen.socket
    as_root local 'apt purge -y vpn-warp-relay && ! systemctl --quiet is-active relay-listen.socket'
    [ ! -e local/etc/systemd/system/relay-listen.socket.d ]
}
