# relay-ca: certificates by which several relays know each other.
# shellcheck shell=sh disable=SC2154

# check_apart FOLDER...: the authority of relays is another than that of clients:
# who has a certificate of the one must be nobody to the other.
check_apart() {
    for folder; do
        [ ! -e "$folder" ] ||
            die 73 "$dir: has certificates of another kind, of $folder: make an authority of its own with relay-ca -d DIR init"
    done
}

issue_node() {
    check_days "$ca_days"
    issue node "$1" -addext "subjectAltName=DNS:$1"
    echo "next: copy private.pem and cert.pem from $dir/$place, and $dir/ca.pem, to the relay $1, as peer_key, peer_certificate and peer_ca"
}

issue_admin() {
    check_days "$ca_days"
    issue admin "$1" -addext "subjectAltName=URI:vpn-warp:admin:$1"
    echo "next: copy private.pem and cert.pem from $dir/$place to where relayctl --all is to run, as peer_admin_key and peer_admin_certificate; relays heed it where they have peer_admin = yes"
}

# check_peer_name NAME: of what has a certificate for relay-peer.
check_peer_name() {
    case $1 in
        '' | [-.]* | *[!a-z0-9.-]*) die 65 "$1: not a good name among relays: use lower case letters, digits, . and -" ;;
    esac
    check_name "$1" 31
}

# among_relays KIND ARGUMENT...: makes the certificate of a node or an admin.
among_relays() {
    kind=$1
    shift
    options "$@"
    shift "$taken"
    [ $# -eq 1 ] || usage "$kind: give one NAME"
    check_peer_name "$1"
    open_ca
    check_apart server client
    refuse_existing "$1"
    "issue_$kind" "$1"
}

node() {
    among_relays node "$@"
}

admin() {
    among_relays admin "$@"
}
