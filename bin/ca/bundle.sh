# relay-ca: one file for a client, NAME.warp, see warp(5).
# shellcheck shell=sh disable=SC2034,SC2154

# relay_names: prints the names of all relays that have a certificate.
relay_names() {
    for relay in server/*/cert.pem; do
        relay=${relay#server/}
        [ -z "$(serials "${relay%/cert.pem}")" ] || echo "${relay%/cert.pem}"
    done
}

# has_name CERTIFICATE HOST: do clients find the host in it?
has_name() {
    check=$(alt_name "$2") || exit
    case $check in
        IP:*) check=-checkip ;;
        *) check=-checkhost ;;
    esac
    ssl x509 -in "$1" -noout "$check" "$2" 2>/dev/null | grep -q ' does match '
}

# check_place: is relay_host in a certificate that was made here?
check_place() {
    for relay in $(relay_names); do
        ! has_name "server/$relay/cert.pem" "$relay_host" || return 0
    done
    die 65 "--relay $relay_host: no relay's certificate has that name: use one that it has, or run $self server $relay_host"
}

# relay_port: that of the relay.conf beside the CA, or https.
relay_port() {
    port=$(sed -n 's/^[[:space:]]*listen[[:space:]]*=.*:\([0-9]*\)[[:space:]]*$/\1/p' \
        "$etc/relay.conf" 2>/dev/null | head -n 1)
    echo "${port:-443}"
}

# find_places: sets places_of_relays to HOST:PORT, one a line, from --relay or what
# was made here.
find_places() {
    said=$relay_said places_of_relays=
    if [ -z "$said" ]; then
        said=$(relay_names)
        case $said in
            '') die 66 "no relay has a certificate yet: run $self server HOSTNAME first" ;;
            *"
"*) die 64 "there are several relays: say which one with --relay HOST:PORT, or which, with commas" ;;
        esac
    fi
    while read -r said; do
        find_place "$said"
        places_of_relays="${places_of_relays:+$places_of_relays
}$place_of_relay"
    done <<EOF
$(echo "$said" | tr , '\n')
EOF
}

# find_place SAID: sets place_of_relay to HOST:PORT.
find_place() {
    relay_host=$1 port=
    case $relay_host in
        \[*\]:*) port=${relay_host##*:} relay_host=${relay_host%:*} ;;
        \[*\] | *:*:*) ;;
        *:*) port=${relay_host##*:} relay_host=${relay_host%:*} ;;
    esac
    relay_host=${relay_host#\[} relay_host=${relay_host%\]}
    check_place
    : "${port:=$(relay_port)}"
    case $port in
        *[!0-9]* | 0* | ??????*) die 65 "--relay $1: not a port" ;;
    esac
    case $relay_host in
        *:*) place_of_relay=[$relay_host]:$port ;;
        *) place_of_relay=$relay_host:$port ;;
    esac
}

# read_hidden PROMPT: prints the next line of who sits there, who does not see it.
read_hidden() (
    if [ -t 0 ]; then
        saved=$(stty -g)
        trap 'stty "$saved"; echo >&2' EXIT
        trap 'exit 130' HUP INT TERM
        stty -echo
        printf '%s: ' "$1" >&2
    fi
    IFS= read -r line && printf '%s' "$line"
)

# ask_passphrase: sets passphrase.
ask_passphrase() {
    if ! passphrase=$(read_hidden 'passphrase of the key') || ! again=$(read_hidden 'once more'); then
        die 65 'no passphrase: give one, twice'
    fi
    [ "$passphrase" = "$again" ] || die 65 'the passphrase: not twice the same: try again'
    [ ${#passphrase} -ge 8 ] || die 65 'the passphrase: too short: use 8 characters or more'
}

# lock_key FILE: prints the key, closed by a passphrase.
lock_key() {
    ask_passphrase
    ssl pkcs8 -topk8 -v2 aes-256-cbc -in "$1" -passout fd:3 3<<EOF || die 70 'openssl cannot encrypt the key: nothing was changed'
$passphrase
EOF
}

# bundle_text NAME KEY CERTIFICATE: prints it. KEY may be "" for none.
bundle_text() {
    end=$(describe "$3") || exit
    end=${end#* } end=${end%% *}
    echo "# $1, until $end, by way of the relay below; see warp(5)"
    if [ -n "$2" ]; then
        echo '# Whoever has this file reaches what its agents lead to: keep it secret.'
    else
        echo '# No secret: the key is in a file of its own, and stays where it was made.'
    fi
    echo "$places_of_relays" | sed 's/^/relay = /'
    case $2 in
        '') ;;
        *) if [ -n "$encrypt" ]; then lock_key "$2"; else cat "$2"; fi ;;
    esac || exit
    cat "$3" ca.pem
}

# make_bundle FOLDER NAME: of the files there, to become part of the CA.
make_bundle() {
    find_places
    bundle_text "$2" "$1/private.pem" "$1/cert.pem" >"$work/warp.pem" || exit
    tail -n 1 "$work/warp.pem" | grep -q '^-----END .*-----$' || no_room
    try mkdir -p "$new/client/$2"
    try mv "$work/warp.pem" "$new/client/$2/$2.warp"
}

# bundle_existing NAME: of a client that was made before.
bundle_existing() {
    for file in private cert; do
        [ -s "client/$1/$file.pem" ] ||
            die 66 "$dir/client/$1/$file.pem: not there: run $self renew --bundle $1"
    done
    make_bundle "client/$1" "$1"
    commit "$certificates"
    tell_bundle "$1"
}

# was_bundled NAME: sets bundle and what belongs to it as they were before.
was_bundled() {
    file=client/$1/$1.warp
    [ -f "$file" ] || return 0
    bundle=yes
    : "${relay_said:=$(sed -n 's/^relay = //p' "$file")}"
    ! grep -q 'ENCRYPTED PRIVATE KEY' "$file" || encrypt=yes
}

tell_bundle() {
    echo "$dir/client/$1/$1.warp"
    echo "next: copy it to both hosts of $1, with scp -p for example; whoever has it reaches the target. Then run"
    echo "  remote  # relayagent --install $1.warp TARGET:PORT"
    echo "  local   \$ relay-stone $1.warp 8080"
    tell_peers "$1"
}
