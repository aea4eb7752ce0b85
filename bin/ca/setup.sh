# relay-ca: a relay on this host, from nothing to running.
# shellcheck shell=sh disable=SC2154

# The relay's own programs are in places of the administrator's.
setup_path=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# setting KEY DEFAULT: prints the value of the key in relay.conf.
setting() {
    value=$(sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "$etc/relay.conf" | head -n 1)
    echo "${value:-$2}"
}

# prerequisites: all that nothing can be begun without.
prerequisites() {
    [ "$(id -u)" -eq 0 ] || die 77 'setup: only root can: run it as root'
    [ -f "$etc/relay.conf" ] ||
        die 66 "$etc/relay.conf: not there: install the relay on this host first"
    for program in relay-broker relay-keyd relay-listen relayctl; do
        command -v "$program" >/dev/null || die 69 "$program: not found: install the relay on this host first"
    done
    user=$(setting user vpn-warp)
    keyd_user=$(setting keyd_user vpn-warp-keyd)
    for name in "$user" "$keyd_user" "$(setting handler_user vpn-warp-handler)"; do
        id "$name" >/dev/null 2>&1 || die 67 "$name: no such user, as whom the relay runs: make it, or name another in $etc/relay.conf"
    done
}

# --- the port ---------------------------------------------------------------

# set_port: sets port to that of --port, or of relay.conf.
set_port() {
    case $port_said in
        '') port=$(setting listen '0.0.0.0:443') ;;
        *[!0-9]* | 0* | ??????*) die 65 "--port $port_said: not a port: use 1 to 65535" ;;
        *) port=$port_said ;;
    esac
    port=${port##*:}
    [ "$port" -le 65535 ] || die 65 "--port $port: not a port: use 1 to 65535"
}

# listening: prints the inodes of the sockets that listen on the port.
listening() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v hex="$(printf ':%04X' "$port")" '
        $4 == "0A" && substr($2, length($2) - 4) == hex { print $10 }'
}

# holder INODE: prints the oldest process that has the socket; systemd, which has
# those of services too, only where there is no other.
holder() {
    find /proc/[0-9]*/fd -lname "socket:\\[$1\\]" 2>/dev/null | cut -d / -f 3 | sort -n |
        awk '!pid || pid == 1 { pid = $1 } END { print pid }'
}

# listener: prints the name and the process of who listens on the port, if
# anybody; "unseen" alone where that is in another container.
listener() {
    sockets=$(listening)
    [ -n "$sockets" ] || return 0
    for socket in $sockets; do
        pid=$(holder "$socket")
        if [ -n "$pid" ] && name=$(cat "/proc/$pid/comm" 2>/dev/null); then
            echo "$name $pid"
            return
        fi
    done
    echo unseen
}

# check_port: is it free, or ours?  Sets running to the process of a relay that
# was started by hand.
check_port() {
    running=''
    who=$(listener)
    case $who in
        '') return ;;
        unseen) die 69 "port $port: taken by a process that cannot be seen from here, of another container perhaps: end that, or run $self setup --port 8443 $relay_name" ;;
        'relay-listen '*)
            if ! has_units || ! systemctl -q is-active relay-listen.service; then
                running=${who##* }
            fi
            return
            ;;
        'systemd '*) ! has_units || ! systemctl -q is-active relay-listen.socket || return 0 ;;
        'xinetd '*)
            running=${who##* }
            ! grep -q '^[[:space:]]*disable[[:space:]]*=[[:space:]]*no' /etc/xinetd.d/vpn-warp-relay 2>/dev/null || return 0
            ;;
    esac
    die 69 "port $port: taken by ${who% *} (process ${who##* }): end that, or run $self setup --port 8443 $relay_name"
}

# --- files ------------------------------------------------------------------

# rewrite EXPRESSION: relay.conf, by sed(1), with its owner and mode.
rewrite() {
    if ! cp -p "$etc/relay.conf" "$etc/relay.conf.new" || ! sed "$1" "$etc/relay.conf" >"$etc/relay.conf.new" ||
        ! mv -f "$etc/relay.conf.new" "$etc/relay.conf"; then
        die 74 "$etc/relay.conf: cannot be written: free some space and try again"
    fi
}

# again COMMAND...: another command of this program.
again() {
    sh "$0" -d "$dir" "$@" >/dev/null || exit
}

# check_older: what is there already must be of this authority.
check_older() {
    for pair in certificate=cert.pem key=private.pem ca=ca.pem; do
        value=$(setting "${pair%=*}" "${pair#*=}")
        case $value in
            "${pair#*=}" | "$etc/${pair#*=}") ;;
            *) die 73 "$etc/relay.conf: ${pair%=*} = $value: not as this would set it up: write ${pair%=*} = ${pair#*=} there" ;;
        esac
    done
    for file in cert.pem ca.pem; do
        [ ! -e "$etc/$file" ] || openssl verify -partial_chain -no_check_time -CAfile "$dir/ca.pem" "$etc/$file" >/dev/null 2>&1 ||
            die 73 "$etc/$file: not of the authority in $dir, whose clients alone would get in: move that and private.pem away, or name their CA with -d"
    done
}

# authority: makes what is missing of it.
authority() {
    check_older
    if [ -f "$dir/ca.pem" ]; then
        state="$dir: kept"
    else
        again init
        state="$dir: made, keep a backup of it"
    fi
    told "authority    $state"
    if [ ! -f "$dir/server/$relay_name/cert.pem" ] || [ -z "$(cd "$dir" && serials "$relay_name")" ]; then
        again server "$@"
        state=made
    elif openssl x509 -in "$dir/server/$relay_name/cert.pem" -noout -checkend $((30 * 86400)) >/dev/null; then
        state=kept
    else
        again renew "$relay_name"
        state='renewed, since it was about to end'
    fi
    told "certificate  $relay_name: $state"
}

# place FILE OWNER MODE NAME: a copy of it, whole or not at all.
place() {
    if ! install -o "$2" -m "$3" "$1" "$etc/$4.new" || ! mv -f "$etc/$4.new" "$etc/$4"; then
        die 74 "$etc/$4: cannot be written: free some space and try again"
    fi
}

# set_owner: has relay-keyd hold the key, but for a relay that runs without, and
# sets owner to whose the key is.
set_owner() {
    [ -n "$running" ] || rewrite 's/^#\(keyd = .*\)$/\1/'
    keyd=$(setting keyd '')
    owner=${keyd:+$keyd_user}
    owner=${owner:-$user}
}

in_place() {
    again crl
    set_owner
    place "$dir/ca.pem" root 644 ca.pem
    place "$dir/crl.pem" root 644 crl.pem
    place "$dir/server/$relay_name/private.pem" "$owner" 600 private.pem
    place "$dir/server/$relay_name/cert.pem" root 644 cert.pem
    [ -e "$etc/customers" ] || place /dev/null root 644 customers
    rewrite "s/^#\(crl = crl\.pem\)\$/\1/; s/^#\(customers = customers\)\$/\1/
        s/^\([[:space:]]*listen[[:space:]]*=.*:\)[0-9]*\([[:space:]]*\)\$/\1$port\2/"
    told "files        $etc: cert.pem, private.pem (of $owner, 600), ca.pem, crl.pem, customers, relay.conf"
}

# --- programs ---------------------------------------------------------------

# has_units: is systemd running, and are its units for this relay.conf there?
has_units() {
    units="${keyd:+relay-keyd.service }relay-broker.service relay-listen.socket relay-listen.service relay-ca-crl.timer"
    # shellcheck disable=SC2086
    systemctl show-environment >/dev/null 2>&1 && systemctl cat $units 2>/dev/null | grep -qF -e "-c $etc/relay.conf"
}

# socket_port: has systemd listen where relay.conf says.
socket_port() {
    drop_in=/etc/systemd/system/relay-listen.socket.d
    systemctl show -p Listen relay-listen.socket | grep -q "[:=]$port " && return
    { mkdir -p "$drop_in" && printf '[Socket]\nListenStream=\nListenStream=%s\n' "$port" >"$drop_in/port.conf"; } ||
        die 74 "$drop_in/port.conf: cannot be written: free some space and try again"
    systemctl daemon-reload && systemctl stop relay-listen.service relay-listen.socket
}

# by_systemd: enables and starts all of it, or has what runs read the files.
by_systemd() {
    socket_port
    for unit in $units; do
        systemctl -q enable --now "$unit" || die 69 "$unit: does not start: see systemctl status $unit"
    done
    tries=5 # one that has just begun is not attached to the broker yet
    until relayctl -c "$etc/relay.conf" reload >/dev/null 2>&1; do
        [ $((tries -= 1)) -gt 0 ] || die 69 "relayctl reload: failed: see systemctl status relay-broker relay-listen"
        sleep 1
    done
    for unit in $units; do
        systemctl -q is-active "$unit" || die 69 "$unit: not running: see systemctl status $unit"
    done
    told "services     $units: enabled and running"
}

# answers: does the relay show its certificate to who asks for its name?
answers() {
    case $(alt_name "$relay_name") in
        IP:*) verify='-verify_ip' ;;
        *) verify='-verify_hostname' ;;
    esac
    timeout 10 openssl s_client -connect "127.0.0.1:$port" "$verify" "$relay_name" -brief \
        -CAfile "$etc/ca.pem" </dev/null 2>&1 | grep -q '^Verification: OK'
}

check_answer() {
    tries=5
    until answers; do
        [ $((tries -= 1)) -gt 0 ] || die 69 "127.0.0.1 port $port: no relay answers there as $relay_name: see the log of relay-listen"
        sleep 1
    done
    told "answer       port $port: as $relay_name"
}

by_hand() {
    if [ -n "$running" ]; then
        relayctl -c "$etc/relay.conf" reload >/dev/null ||
            die 69 "port $port: a relay listens (process $running) without a broker that answers: end it, and run this again"
        told "programs     run already (process $running), not as services: have read all files again"
        check_answer
    else
        echo 'next: start the relay:'
        [ -z "$keyd" ] || echo "  # relay-keyd -D -c $etc/relay.conf"
        echo "  # relay-broker -D -c $etc/relay.conf"
        echo "  # relay-listen -D -c $etc/relay.conf"
    fi
    echo "next: have cron(8) run these weekly, or nobody gets in after $crl_days days:"
    echo "  # $self crl && install -m 644 $dir/crl.pem $etc && relayctl -c $etc/relay.conf reload"
}

told() {
    printf '%s\n' "$1"
}

setup() {
    port_said=
    while [ $# -gt 1 ]; do
        case $1 in
            --port) port_said=$2 ;;
            -*) usage "$1: no such option" ;;
            *) break ;;
        esac
        shift 2
    done
    [ $# -gt 0 ] || usage 'setup: give the NAME by which clients find this host, and more names if it has them'
    relay_name=$1
    check_name "$1" 64
    alt_names "$@"
    dir=$etc/${dir##*/} PATH=$setup_path
    [ "$self" = relay-ca ] || self="relay-ca -d $dir"
    prerequisites
    set_port
    check_port
    authority "$@"
    in_place
    checked=
    for program in ${keyd:+relay-keyd} relay-broker relay-listen; do
        output=$("$program" -t -c "$etc/relay.conf" 2>&1) || die 78 "${output#*: }: mend that and run this again"
        checked="$checked${checked:+, }$program -t"
    done
    told "checked      $etc/relay.conf, by $checked"
    if [ -z "$running" ] && has_units; then
        by_systemd
        check_answer
    else
        by_hand
    fi
    echo "next: $self client --bundle NAME for each client"
}
