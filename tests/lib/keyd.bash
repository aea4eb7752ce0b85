# The relay's key and certificate as tests of relay-keyd change and see them. To be
# loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

works() {
    play <<<'works("alice")'
}

# new_pair OPTION...: new.pem and cert.pem, another key and its certificate, which
# openssl req makes by these options.
new_pair() {
    openssl req -new "$@" -nodes -keyout new.pem -subj /CN=relay -out new.csr
    openssl x509 -req -in new.csr -CA "$pki/ca.pem" -CAkey "$pki/private/ca.pem" -days 1 \
        -extfile <(printf '%s\n' extendedKeyUsage=serverAuth subjectAltName=IP:127.0.0.1) \
        -out cert.pem
} 2>/dev/null

# serves_each_version: relay-listen, started for it, with the key that there is now.
serves_each_version() {
    local version
    start_relay listen
    works
    for version in tls1_2 tls1_3; do
        s_client alice "-$version" <<<'GET /KLAB/nothing HTTP/1.1'$'\n' | grep '^HTTP/1.1 404 '
    done
    stop relay
    stop keyd
    not says keyd ' refused '
}

# shown: the serial number of the certificate that the relay shows.
shown() {
    s_client alice -showcerts <<<'GET /KLAB/nothing HTTP/1.1'$'\n' | openssl x509 -noout -serial
}

serial() {
    openssl x509 -in "$1" -noout -serial
}
