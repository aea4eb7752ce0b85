#!/bin/bash
# A whole relay on this host, each part started the way its user would start
# it, and a page fetched through all of them. "stay" then leaves it running
# until Ctrl-C, "once" ends with "demo: PASS". Whatever happens, nothing stays
# behind: no process and no file.
#
#   SPAWNER=relay-listen|xinetd   who accepts the relay's connections
#   TARGET=host:port              lead to this service, not to a page of ours
#   RELAYS=N                      that many, which find each other's agents by a
#                                 store: the agent is at the last, stone at the first

set -eu
umask 022 # what is secret says so
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin # xinetd is there, and a user's PATH may lack them

spawner=${SPAWNER:-relay-listen}
target=${TARGET:-}
count=${RELAYS:-1}
at=''                                 # which relay it is, where there are several
scratch=/tmp/vpn-warp-demo.$$.$RANDOM # short: a Unix socket's path has 107 bytes
user=$(id -un)
keyd_user=$user # others where there are
handler_user=$user
as_user=() # what comes before a command to run it as user
declare -A pid

usage() {
    echo "usage: [SPAWNER=relay-listen|xinetd] [TARGET=host:port] [RELAYS=1...9] $0 stay|once" >&2
    exit 64
}

# fail MESSAGE [NAME]: NAME is the program whose log tells more.
fail() {
    echo "demo: FAIL: $1"
    if [[ -s $scratch/log/${2-}.log ]]; then
        echo "the end of ${2}'s log:"
        tail -n 12 "$scratch/log/$2.log" | sed 's/^/  | /'
    fi
    exit 1
} >&2

hop() {
    printf '  %-15s %s\n' "$1" "$2"
}

# ---- processes ----

# await SECONDS COMMAND...: whether COMMAND succeeds within that time.
await() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@"; do
        ((${EPOCHREALTIME/./} < end)) || return
        sleep 0.02
    done
}

# launch NAME FOLDER COMMAND...: in a session of its own, so that a terminal's
# Ctrl-C does not reach it and the end comes in order.
launch() {
    local name=$1 folder=$2
    shift 2
    : >"$scratch/log/$name.log"
    chown "$user" "$scratch/log/$name.log" # xinetd opens it by name
    (cd "$folder" && exec setsid "${as_user[@]}" "$@") \
        </dev/null >"$scratch/log/$name.log" 2>&1 &
    pid[$name]=$!
}

alive() {
    kill -0 "${pid[$1]}" 2>/dev/null
}

# up NAME CONDITION...: waits until NAME does what it is for; fails where it
# ends before.
up() {
    local name=$1
    shift
    await 8 ended_or "$name" "$@" && alive "$name"
}

ended_or() {
    local name=$1
    shift
    ! alive "$name" || "$@"
}

# logged NAME TEXT
logged() {
    grep -q -e "$2" "$scratch/log/$1.log"
}

# Handlers that xinetd started are in sessions of their own.
xinetd_handlers() {
    pgrep -f "relay-handler -c $scratch/"
}

all_ended() {
    local p
    for p in $(jobs -p); do
        ! kill -0 -- "-$p" 2>/dev/null || return
    done
    ! xinetd_handlers >/dev/null
}

clean_up() {
    local p
    trap '' HUP INT TERM PIPE
    for p in $(jobs -p); do
        kill "$p" || true # not yet or no longer a process group
    done
    if ! await 3 all_ended; then
        for p in $(jobs -p); do
            kill -KILL "$p" || true
            kill -KILL -- "-$p" || true
        done
        for p in $(xinetd_handlers); do
            kill -KILL "$p" || true
        done
        await 3 all_ended || true
    fi
    rm -rf "$scratch"
} 2>/dev/null

# ---- ports ----

# listeners PORT: prints the inodes of the sockets that listen there.
listeners() {
    local hex
    printf -v hex ':%04X' "$1"
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$hex" '
        $4 == "0A" && substr($2, length($2) - 4) == port { print $10 }'
}

# listens NAME PORT: whether that very process does, and not one that was faster.
listens() {
    local inode fds
    fds=$(readlink /proc/"${pid[$1]}"/fd/* 2>/dev/null) || true
    for inode in $(listeners "$2"); do
        [[ $fds != *"socket:[$inode]"* ]] || return 0
    done
    return 1
}

# on_free_port NAME PORT FUNCTION: calls FUNCTION PORT, which starts NAME, with
# the first port from PORT on that is free. Sets port.
on_free_port() {
    local last=$(($2 + 99))
    for ((port = $2; port <= last; port++)); do
        [[ -z $(listeners "$port") ]] || continue
        if "$3" "$port"; then
            return
        fi
        logged "$1" "in use\|Can't bind" || fail "$1 does not start" "$1"
    done
    fail "$1: no free port from $2 to $last"
}

# Below the ports that the kernel gives to outgoing connections; at random, so
# that two demos seldom try the same.
some_port() {
    echo $((20000 + RANDOM % 12000))
}

# ---- the parts ----

# The relay's programs refuse to be root, and own nothing but what they write.
make_folders() {
    mkdir "$scratch" || {
        scratch=/nonexistent
        fail "no scratch folder"
    }
    mkdir "$scratch"/{bin,log,ca,nodes,web,agent,stone}
    # the checkout may be closed to the user that the demo runs as
    cp "${B:-build}"/bin/* "$scratch/bin"
    if [[ $(id -u) == 0 ]]; then
        user=nobody
        keyd_user=daemon
        handler_user=games
        as_user=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups --)
        chown nobody "$scratch"/{ca,nodes,agent} # relayagent says there how it is
    fi
}

ca() {
    ca_of ca "$@"
}

# ca_of FOLDER WORD...
ca_of() {
    local folder=$1
    shift
    "${as_user[@]}" "$scratch/bin/relay-ca" -d "$scratch/$folder" "$@" \
        >>"$scratch/log/relay-ca.log" 2>&1 || fail "relay-ca $1" relay-ca
}

# give FOLDER CERTIFICATE: what a user would copy to that host.
give() {
    cp "$scratch/ca/$2"/{cert,private}.pem "$scratch/ca/ca.pem" "$scratch/$1"
    chown "$user" "$scratch/$1/private.pem"
}

make_certificates() {
    ca init
    ca server localhost 127.0.0.1
    ca client demo
    give agent client/demo
    give stone client/demo
    hop certificates "a CA, the relay's certificate, and one for both clients"
}

page() {
    cat <<END
<!DOCTYPE html>
<title>intra</title>
<h1>Hello from the intranet</h1>
<p>You see this through a VPN-Warp relay. ($scratch)</p>
END
}

start_web() {
    launch intra "$scratch/web" busybox httpd -f -p "127.0.0.1:$1" -h "$scratch/web"
    up intra listens intra "$1"
}

# reach HOST:PORT: says why nobody can be reached there, and fails.
reach() {
    local why host=${1%:*}
    why=$( (exec 3<>"/dev/tcp/${host//[][]/}/${1##*:}") 2>&1) && return
    why=${why%%$'\n'*} # the second line is of the shell's file alone
    why=${why##*: }
    fail "your own $1 is not there: ${why:-no connection}; start it, or name another TARGET=host:port"
}

start_intra() {
    if [[ -n $target ]]; then
        reach "$target"
        hop intra "your own $target"
        return
    fi
    page >"$scratch/web/index.html"
    on_free_port intra "$(some_port)" start_web
    target=127.0.0.1:$port
    hop intra "busybox httpd on $target"
}

relay_conf() {
    cat - "$scratch/relay$at/peers" <<END
listen = 127.0.0.1:$1
certificate = cert.pem
key = private.pem
ca = ca.pem
socket = ../run$at/broker.sock
keyd = ../keyd$at/keyd.sock
keyd_user = $keyd_user
user = $user
handler_user = $handler_user
END
}

# make_relay: what the programs of one need.
make_relay() {
    mkdir "$scratch"/{run,keyd,relay}"$at"
    [[ ${#as_user[@]} -eq 0 ]] || chown "$user" "$scratch/run$at"
    give "relay$at" server/localhost
    chown "$keyd_user" "$scratch/keyd$at" "$scratch/relay$at/private.pem"
    peers_of_relay >"$scratch/relay$at/peers"
    relay_conf 443 >"$scratch/relay$at/relay.conf" # the port comes with relay-listen
}

# serve PROGRAM WHAT: one of the relay's that becomes its user itself.
serve() {
    local as_user=()
    launch "$1$at" "$scratch" "bin/$1" -c "relay$at/relay.conf"
    up "$1$at" logged "$1$at" ': start ' || fail "$1 does not start" "$1$at"
    hop "$1$at" "$2"
}

start_keyd() {
    serve relay-keyd "has the relay's key, and signs with it for the others"
}

start_broker() {
    serve relay-broker "on $scratch/run$at/broker.sock"
}

start_relay-listen() {
    local as_user=() # likewise, and has its handlers be another
    relay_conf "$1" >"$scratch/relay$at/relay.conf"
    launch "relay-listen$at" "$scratch" bin/relay-listen -c "relay$at/relay.conf"
    up "relay-listen$at" logged "relay-listen$at" ': start '
}

# The drop-in as it is, but for what a demo must have otherwise. It goes without
# IPv6, which a container may lack.
start_xinetd() {
    sed -e 's/^\(\tdisable\t.*=\).*/\1 no/' -e "s/^\(\tport\t.*=\).*/\1 $1/" \
        -e 's/^\(\tflags\t.*\) IPv6/\tbind = 127.0.0.1\n\1/' \
        -e "s,@libexecdir@,$scratch/bin," -e "s,@handler_user@,$user," \
        -e "s,@user@,$(id -gn "$user")," \
        -e "s,@sysconfdir@/vpn-warp,$scratch/relay," \
        xinetd.d/vpn-warp-relay >"$scratch/relay/xinetd.conf"
    launch xinetd "$scratch" xinetd -dontfork -f "$scratch/relay/xinetd.conf" \
        -pidfile "$scratch/run/xinetd.pid" -filelog "$scratch/log/xinetd.log"
    up xinetd logged xinetd 'Started working' || return
    logged xinetd ' 1 available service' && return
    kill "${pid[xinetd]}" # without its port it would stay, and serve nothing
    return 1
}

start_spawner() {
    on_free_port "$spawner$at" "$(some_port)" "start_$spawner"
    relay=127.0.0.1:$port
    hop "$spawner$at" "on $relay, the relay's port"
}

start_relay() {
    make_relay
    start_keyd
    start_broker
    start_spawner
}

start_agent() {
    cat >"$scratch/agent/agent.conf" <<END
-n
-k private.pem
-c cert.pem
-a ca.pem
$relay
$target
END
    launch relayagent "$scratch" bin/relayagent -C agent/agent.conf
    up relayagent logged relayagent ': waiting ' ||
        fail "relayagent does not reach the relay" relayagent
    hop relayagent "waits at $relay to reach $target"
}

run_stone() {
    cat >"$scratch/stone/stone.conf" <<END
-q key=private.pem
-q cert=cert.pem
$relay/ssl,http localhost:$1 "GET / HTTP/1.1" --
END
    launch stone "$scratch/stone" stone -r -C stone.conf # -r: SO_REUSEADDR
    up stone listens stone "$1"
}

start_stone() {
    on_free_port stone 8080 run_stone
    local_port=$port
    hop stone "on localhost:$local_port, by way of $relay"
}

# ---- the proof ----

# What answers need not be a web server where it is the user's own service.
fetch() {
    local url=http://localhost:$local_port/ own=()
    [[ -z ${TARGET:-} ]] || own=(--http0.9)
    printf '\n$ curl -i %s\n' "$url"
    curl -q -sS -i --noproxy '*' --max-time 10 "${own[@]}" "$url" \
        >"$scratch/log/answer" 2>"$scratch/log/curl.log" || true
    head -n 12 "$scratch/log/answer" | tr -cd '[:print:]\t\n' | cut -c 1-78 | sed 's/^/  | /'
    [[ -s $scratch/log/answer ]] || return
    [[ -n ${TARGET:-} ]] || grep -qF "$scratch" "$scratch/log/answer"
}

show_way() {
    cat <<END

  curl -> stone :$local_port ==TLS==> $(way_of_relays) <==TLS== relayagent -> $target
END
}

way_of_relays() {
    if [[ $count -gt 1 ]]; then
        echo "relay 1 $relay ==TLS== relay $count ${relays[-1]}"
    else
        echo "$spawner $relay"
    fi
}

show_more() {
    cat <<END

What to try next:
  the same page, in a browser too:
    curl http://localhost:$local_port/
  the same by hand; the first empty line ends the relay's head, the second the page's:
    printf 'GET / HTTP/1.1\n\nGET / HTTP/1.0\n\n' | openssl s_client -quiet \\
      -connect $relay -CAfile $scratch/ca/ca.pem \\
      -cert $scratch/stone/cert.pem -key $scratch/stone/private.pem
  without a certificate there is no way in:
    curl --cacert $scratch/ca/ca.pem https://$relay/
  what each part has to say, and how it is set up:
    tail -f $scratch/log/*.log
    head $scratch/*/*.conf

Ctrl-C ends it all.
END
}

stay() {
    local gone name
    show_more
    trap 'echo; exit 0' INT
    wait -n -p gone "${pid[@]}" || true
    for name in "${!pid[@]}"; do
        [[ ${pid[$name]} != "$gone" ]] || fail "$name has ended" "$name"
    done
}

check_arguments() {
    local program programs=(busybox curl openssl pgrep setpriv setsid stone)
    [[ $* == stay || $* == once ]] || usage
    [[ $spawner == relay-listen || $spawner == xinetd ]] || usage
    [[ -z $target || $target == ?*:[0-9]* ]] || usage
    [[ $count == [1-9] ]] || usage
    if [[ $count -gt 1 ]]; then
        [[ $spawner == relay-listen ]] || usage
        store=$(command -v valkey-server redis-server | head -n 1)
        store=${store##*/}
        programs+=("${store:-redis-server}")
    fi
    [[ $spawner != xinetd ]] || programs+=(xinetd)
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null || fail "$program is not installed: run make deps"
    done
    [[ -x ${B:-build}/bin/relayagent ]] || fail "nothing is built: run make"
}

main() {
    cd "$(dirname "$0")/.."
    . tests/lib/demo_relays.bash
    check_arguments "$@"
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM

    make_folders
    echo "A VPN-Warp relay in $scratch"
    make_certificates
    start_intra
    if [[ $count -gt 1 ]]; then
        start_relays
    else
        start_relay
        relays=("$relay")
    fi
    relay=${relays[-1]}
    start_agent
    relay=${relays[0]}
    start_stone
    show_way
    if fetch; then
        :
    elif [[ $1 == stay && -n ${TARGET:-} ]]; then
        echo "  (no answer to a web request: use a client that $target understands)"
    else
        cat "$scratch/log/curl.log" >&2
        fail "no page through the relay" relayagent
    fi
    if [[ $1 == stay ]]; then
        stay
    else
        printf '\ndemo: PASS\n'
    fi
}

main "$@"
