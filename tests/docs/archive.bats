#!/usr/bin/env bats
# make dist: the source archive is that of a commit and whole, or there is none.
#
# shellcheck disable=SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cp "$BATS_TEST_DIRNAME/../../Makefile" .
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR/..
}

# dist: as somebody types it.
dist() {
    env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory dist
}

no_archive() {
    ! compgen -G 'vpn-warp-relay-*' >/dev/null
}

@test 'outside of git make dist says so and makes no archive' {
    run -2 dist
    [[ $output == 'make dist: only from a checkout of git'* ]]
    no_archive
}

@test 'where git fails, make dist does too and makes no archive' {
    git init -q .
    run -2 dist
    no_archive
}

@test 'in a checkout make dist makes the archive of the last commit' {
    git init -q .
    git add Makefile
    git -c user.name=nobody -c user.email=nobody@example.org commit -qm first
    echo '# not committed' >>Makefile
    dist
    tar -xzf vpn-warp-relay-*.tar.gz
    git show HEAD:Makefile | cmp - vpn-warp-relay-*/Makefile
}
