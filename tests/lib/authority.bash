# relay-ca in a directory of the test's own. To be loaded by its tests.
#
# shellcheck shell=bash disable=SC2154

bats_require_minimum_version 1.5.0

setup() {
    relay_ca="$BATS_TEST_DIRNAME/../../build/bin/relay-ca"
    [ -x "$relay_ca" ] || relay_ca="$BATS_TEST_DIRNAME/../../bin/relay-ca"
    relay_ca=$(realpath "$relay_ca")
    cd "$BATS_TEST_TMPDIR" || exit
    ca=$BATS_TEST_TMPDIR/ca
}

# ca ARGUMENT...: relay-ca in the test's own directory.
ca() {
    "$relay_ca" -d "$ca" "$@"
}

# have_ca: what "ca init" makes, which takes long: one for all tests of the run, of
# which this test gets a copy.
have_ca() {
    local shared=$BATS_RUN_TMPDIR/ca
    if [ ! -d "$shared" ]; then
        (
            flock 9
            [ -d "$shared" ] || { "$relay_ca" -d "$shared.new" init && mv "$shared.new" "$shared"; }
        ) 9>"$shared.lock" >/dev/null
    fi
    cp -a "$shared" "$ca"
}

# fails STATUS TEXT ARGUMENT...: relay-ca fails so, and says it in one line.
fails() {
    local status_wanted=$1 text=$2
    shift 2
    run --separate-stderr "-$status_wanted" ca "$@"
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "relay-ca: "*"$text"* ]]
}

# verify ROLE FILE [OPTION...]: would a peer accept this certificate?
verify() {
    local role=$1 file=$2
    shift 2
    openssl verify -x509_strict -crl_check -CRLfile "$ca/crl.pem" -CAfile "$ca/ca.pem" \
        -purpose "ssl$role" "$@" "$file"
}

extension() {
    openssl x509 -in "$1" -noout -ext "$2"
}

serial() {
    openssl x509 -in "$1" -noout -serial | sed 's/serial=//'
}

public_key() {
    openssl pkey -in "$1" -pubout
}

# snapshot: every file of the CA, with its content.
snapshot() {
    (cd "$ca" && find . -type f ! -name .lock -exec sha256sum {} + | sort)
}

# wrap COMMAND: lets the test's own $BATS_TEST_TMPDIR/bin/COMMAND, read from
# standard input, stand in for COMMAND.  REAL in it is the real one.
wrap() {
    mkdir -p bin
    sed "s|REAL|$(command -v "$1")|; s|HERE|$BATS_TEST_TMPDIR|g" >"bin/$1"
    chmod 755 "bin/$1"
}

wrapped() {
    PATH="$BATS_TEST_TMPDIR/bin:$PATH" ca "$@"
}

# wrap_nth COMMAND ACTION: the call whose number is in the file nth does ACTION.
wrap_nth() {
    wrap "$1" <<EOF
#!/bin/sh
count=\$((\$(cat HERE/count) + 1))
echo \$count >HERE/count
if [ \$count -eq \$(cat HERE/nth) ]; then
    $2
fi
exec REAL "\$@"
EOF
}

# nth NUMBER ARGUMENT...: relay-ca, with the action at call NUMBER.
nth() {
    echo "$1" >nth
    echo 0 >count
    shift
    wrapped "$@"
}

# hide COMMAND: makes $BATS_TEST_TMPDIR/bin have all commands but this one.
hide() {
    mkdir bin
    ln -sf /usr/sbin/* /usr/bin/* /bin/* bin/
    rm "bin/$1"
}

# hidden ARGUMENT...: relay-ca with nothing but those commands.
hidden() {
    PATH="$BATS_TEST_TMPDIR/bin" ca "$@"
}
