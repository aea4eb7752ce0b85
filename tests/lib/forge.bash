# Certificates that relay-ca won't make. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

# forge NAME START END USAGE [NAMES]: of our CA, with these subjectAltName.
forge() {
    local work=$BATS_FILE_TMPDIR/forge.$1 client=$pki/client/$1
    rm -rf "$work"
    mkdir -p "$work" "$client"
    : >"$work/index"
    cat >"$work/conf" <<CONF
[ca]
default_ca = test
[test]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = $4
${5:+subjectAltName = $5}
CONF
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$client/private.pem" -out "$work/request.pem" 2>/dev/null
    openssl ca -config "$work/conf" -batch -notext -extensions leaf \
        -cert "$pki/ca.pem" -keyfile "$pki/private/ca.pem" -startdate "$2" -enddate "$3" \
        -in "$work/request.pem" -out "$client/cert.pem" 2>/dev/null
}
