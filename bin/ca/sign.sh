# relay-ca: certificates for keys that were made elsewhere, and stay there.
# shellcheck shell=sh disable=SC2034,SC2154

# check_request FILE: who made it has the key, and that is good enough.
check_request() {
    case $(ssl req -in "$1" -noout -verify 2>&1) in
        *'verify OK'*) ;;
        *'verify failure'*) die 65 "$2: its signature is not that of its key: have it made anew with --request" ;;
        *) die 65 "$2: not a request for a certificate: have it made with --request" ;;
    esac
    text=$(ssl req -in "$1" -noout -text 2>/dev/null)
    bits=$(printf '%s\n' "$text" | sed -n 's/.*Public-Key: (\([0-9]*\) bit.*/\1/p')
    case $text in
        *'Algorithm: rsaEncryption'*) least=2048 ;;
        *'Algorithm: id-ecPublicKey'*) least=256 ;;
        *'Algorithm: ED25519'*) bits=256 least=256 ;;
        *) die 65 "$2: a key of a kind that relays do not take: have it made with --request" ;;
    esac
    [ "${bits:-0}" -ge "$least" ] || die 65 "$2: its key of $bits bits is too short: have it made with --request"
}

# host_of FILE: sets host to what its files are called here.
host_of() {
    host=${1##*/}
    host=${host%.csr}
    check_name "$host" 64
    case $host in
        cert | private | peers | cert-* | private-* | "$customer") die 65 "$1: a name that is taken here: rename it" ;;
    esac
}

# sign_one FILE: what it asks for, but the key, is not heeded.
sign_one() {
    host_of "$1"
    case " $hosts " in *" $host "*) die 65 "$1: a second file of that name: rename it" ;; esac
    [ -r "$1" ] || die 66 "$1: cannot be read: see that it is there"
    request=$work/$host.csr
    try cp "$1" "$request"
    check_request "$request" "$1"
    folder=$new/client/$customer
    produce ca -batch -notext -days "$days" -subj "/CN=$customer" -in "$request" -out "$folder/$host.pem"
    try chmod 644 "$folder/$host.pem"
    bundle_text "$customer" '' "$folder/$host.pem" >"$folder/$host.warp" || exit
    tail -n 1 "$folder/$host.warp" | grep -q '^-----END .*-----$' || no_room
    try chmod 644 "$folder/$host.warp"
    try mv "$request" "$folder"
    hosts="$hosts $host"
}

# our_extensions: those of a client, and none of a request.
our_extensions() {
    sed -e 's/^copy_extensions = copy/copy_extensions = none/' \
        -e '/^\[leaf\]/a extendedKeyUsage = clientAuth' "$work/openssl.cnf" >"$work/sign.cnf" &&
        mv "$work/sign.cnf" "$work/openssl.cnf"
}

tell_signed() {
    for host in $hosts; do
        description=$(describe "client/$customer/$host.pem") || exit
        echo "$description" | while read -r kind end fingerprint serial; do
            echo "$kind $customer ($host): valid until $end, sha256 $fingerprint, serial $serial"
            echo "$dir/client/$customer/$host.warp"
        done
    done
    echo "next: put each .warp beside the key that was made with its request: it is no secret, and works there alone"
    tell_peers "$customer"
}

# absolute FILE...: sets files to their paths, in lines.
absolute() {
    files=
    for file; do
        case $file in
            *"
"*) die 65 'a file of a name with a line end: rename it' ;;
            /*) ;;
            *) file=$PWD/$file ;;
        esac
        files=${files:+$files
}$file
    done
}

sign() {
    while [ $# -gt 1 ]; do
        case $1 in
            -D) days=$2 ;;
            --relay) relay_said=$2 ;;
            -*) usage "$1: no such option" ;;
            *) break ;;
        esac
        shift 2
    done
    [ $# -gt 1 ] || usage 'sign: give a NAME, and the files of requests'
    customer=$1 hosts=
    check_name "$customer" 63
    shift
    absolute "$@"
    open_ca
    check_apart node admin
    [ ! -e "server/$customer" ] || die 73 "$customer: is the name of a relay: use another"
    check_days "$ca_days"
    find_places
    try our_extensions
    try mkdir -p "$new/client/$customer"
    while read -r file; do
        sign_one "$file"
    done <<EOF
$files
EOF
    write_peers "$customer"
    meeting=$(index=$new/index.txt fingerprints "$customer") || exit
    commit $((certificates + $#))
    tell_signed
    # shellcheck disable=SC2086 # one a word
    let_meet "$customer" $meeting
    echo "to shut out one host alone: $self revoke $customer SERIAL"
}

# refuse_signed NAME: a key that is elsewhere is renewed there.
refuse_signed() {
    set -- "$1" "client/$1"/*.csr
    [ ! -e "$2" ] || [ -e "client/$1/cert.pem" ] ||
        die 66 "$1: its keys are elsewhere: run $self sign $1 $dir/client/$1/*.csr, and hand the new .warp files out"
}
