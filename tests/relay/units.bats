#!/usr/bin/env bats
# What "make install" puts where, part by part, and the units of systemd.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers

setup_file() {
    export installed=$BATS_FILE_TMPDIR/installed
    put install
}

setup() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/vw.XXXXXX")
    cd "$scratch" || return
}

# put TARGET: "make TARGET" below $installed.
put() {
    env -u MAKEFLAGS -u MAKELEVEL make -s -C "$tests/.." "$1" DESTDIR="$installed" B="${built%/bin}" 3>&-
}

# files: what lies below $installed.
files() {
    (cd "$installed" && find . -type f) | sed 's,^\./,,' | sort
}

@test "every name of the installation is filled in" {
    run ! grep -rIE '@[a-z_]+@' "$installed"
}

@test "the units are understood by systemd" {
    command -v systemd-analyze >/dev/null || skip 'needs systemd'
    local unit units=("$installed"/usr/local/lib/systemd/system/*)
    [ "${#units[@]}" -eq 16 ]
    for unit in "${units[@]}"; do
        sed "s,/usr/local/[a-z]*/,$built/," "$unit" >"${unit##*/}"
    done
    SYSTEMD_LOG_LEVEL=warning run systemd-analyze verify --man=no "$scratch"/*
    echo "$output"
    [ "$status" -eq 0 ]
    # of others on this host it may complain
    [[ $output != *"$scratch"* ]]
}

@test "each service is as closed as systemd-analyze can ask for" {
    command -v systemd-analyze >/dev/null || skip 'needs systemd'
    local unit
    for unit in "$installed"/usr/local/lib/systemd/system/*.service; do
        run systemd-analyze security --offline=yes --threshold=20 "$unit"
        echo "$output"
        [ "$status" -eq 0 ]
    done
}

@test "users and folders are understood by systemd" {
    command -v systemd-sysusers systemd-tmpfiles >/dev/null || skip 'needs systemd'
    mkdir -p root/etc
    systemd-sysusers --root="$scratch/root" "$installed"/usr/local/lib/sysusers.d/*
    run -0 cut -d : -f 1 root/etc/passwd
    [ "$(sort <<<"$output" | xargs)" = 'vpn-warp vpn-warp-agent vpn-warp-handler vpn-warp-keyd vpn-warp-stone' ]
    is_root || return 0
    systemd-tmpfiles --create --root="$scratch/root" "$installed"/usr/local/lib/tmpfiles.d/*
    [ "$(stat -c %a root/run/vpn-warp)" -eq 755 ]
    [ "$(stat -c %a root/var/lib/vpn-warp)" -eq 750 ]
}

@test "an agent alone, or a stone alone, is a few files" {
    installed=$scratch/part
    put install-agent
    run -0 files
    [ "$output" = "usr/local/bin/relayagent
usr/local/lib/systemd/system/relayagent@.service
usr/local/lib/sysusers.d/vpn-warp-agent.conf
usr/local/share/bash-completion/completions/relayagent
usr/local/share/fish/vendor_completions.d/relayagent.fish
usr/local/share/man/man1/relayagent.1
usr/local/share/zsh/site-functions/_relayagent" ]
    put uninstall-agent
    put install-stone
    run -0 files
    [ "$output" = "etc/xinetd.d/relay-stone
usr/local/bin/relay-stone
usr/local/lib/systemd/system/relay-stone-inetd.socket
usr/local/lib/systemd/system/relay-stone-inetd@.service
usr/local/lib/systemd/system/relay-stone@.service
usr/local/lib/sysusers.d/vpn-warp-stone.conf
usr/local/share/bash-completion/completions/relay-stone
usr/local/share/fish/vendor_completions.d/relay-stone.fish
usr/local/share/man/man1/relay-stone.1
usr/local/share/zsh/site-functions/_relay-stone" ]
}

@test "the parts together are the whole, and pages name the folders of theirs" {
    installed=$scratch/parts
    put install-relay
    put install-agent
    put install-stone
    diff -r "$installed" "$BATS_FILE_TMPDIR/installed"
    env -u MAKEFLAGS -u MAKELEVEL make -s -C "$tests/.." install-agent prefix=/opt/relay DESTDIR="$scratch/opt" B="${built%/bin}" 3>&-
    grep -F 'Pa /opt/relay/lib/systemd/system/relayagent@.service' "$scratch/opt/opt/relay/share/man/man1/relayagent.1"
}

@test "installed again, what a person has written stays" {
    echo '# mine' >>"$installed/etc/vpn-warp/relay.conf"
    sed -i '/disable/s/yes/no/' "$installed/etc/xinetd.d/vpn-warp-relay"
    put install
    grep '# mine' "$installed/etc/vpn-warp/relay.conf"
    grep 'disable.*= no' "$installed/etc/xinetd.d/vpn-warp-relay"
    put uninstall
    run -0 files
    [ "$output" = "etc/vpn-warp/relay.conf
etc/xinetd.d/relay-stone
etc/xinetd.d/vpn-warp-relay" ]
}
