#!/usr/bin/env bats
# The keys of a long TLS connection, and what is written behind its end.
#
# shellcheck disable=SC2154

load ../lib/helpers

setup_file() {
    make_pki alice
}

newkeys() {
    [ -x "$tests/../build/tests/newkeys" ] || skip 'make test-programs'
    run -0 timeout 60 "$tests/../build/tests/newkeys" alice "$1"
}

@test "a key that has written 2^22 records gives way to a new one, unasked" {
    newkeys 13
    [ "$output" = "young: 0
old: 1, asking: 0
much: 1
before the end: 1
behind the end: nothing" ]
}

@test "TLS 1.2 keeps its key" {
    newkeys 12
    [ "$output" = "young: 0
old: 0, asking: 0
much: 0
before the end: 0
behind the end: nothing" ]
}
