#!/usr/bin/env bats
# What relay-ca(1) leaves behind when something goes wrong, or two run at once.
#
# Every test is a subshell and run sets variables, which shellcheck cannot know.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

load ../lib/authority

@test "two clients made at the same time both get their certificates" {
    have_ca
    ca client one &
    first=$!
    ca client two &
    second=$!
    wait "$first"
    wait "$second"
    verify client "$ca/client/one/cert.pem"
    verify client "$ca/client/two/cert.pem"
    [ "$(ca list | grep -c valid)" -eq 2 ]
}

@test "of two commands for the same name at the same time one succeeds" {
    have_ca
    ca client one &
    first=$!
    ca client one &
    second=$!
    succeeded=0
    ! wait "$first" || succeeded=$((succeeded + 1))
    ! wait "$second" || succeeded=$((succeeded + 1))
    [ "$succeeded" -eq 1 ]
    [ "$(ca list | grep -c valid)" -eq 1 ]
}

# waits_or_ended PID: it waits for a lock, or is through.
waits_or_ended() {
    ! kill -0 "$1" 2>/dev/null || [ -n "$(pgrep -P "$1" -x flock)" ]
}

@test "an update of the table of customers that another makes meanwhile is not lost" {
    have_ca
    ca client old
    mkdir real
    printf '[one]\ncertificate = sha256:%064d\n' 1 >real/customers
    ln -s real/customers customers
    # as relayctl does: read, written anew and renamed under the folder's lock
    exec 7<real/
    flock 7
    cp real/customers real/next
    "$relay_ca" -d "$ca" -t customers client --nusers 3 new 7<&- &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        [ -e "$ca/client/new/cert.pem" ] && waits_or_ended "$pid" && break
        sleep 0.1
    done
    printf 'certificate = sha256:%064d\n' 2 >>real/next
    mv real/next real/customers
    exec 7<&-
    wait "$pid"
    [ "$(grep -c '^certificate = ' customers)" -eq 3 ]
    grep -x '\[new\]' customers
    [ -L customers ]
}

@test "without flock two clients made at the same time both get their certificates" {
    hide flock
    hidden init
    hidden client one &
    first=$!
    hidden client two &
    second=$!
    wait "$first"
    wait "$second"
    [ "$(ca list | grep -c valid)" -eq 2 ]
    [ ! -e "$ca/.lock.d" ]
}

@test "without flock the lock of a process that is no more does not block" {
    hide flock
    have_ca
    true &
    wait $!
    mkdir -p "$ca/.lock.d/$!"
    hidden client laptop
    verify client "$ca/client/laptop/cert.pem"
    [ ! -e "$ca/.lock.d" ]
}

@test "without flock the lock of a process that lives is respected with status 75" {
    hide flock
    ln -sf "$(command -v true)" bin/sleep
    have_ca
    mkdir -p "$ca/.lock.d/$$"
    run --separate-stderr -75 hidden client laptop
    [[ $stderr == "relay-ca: $ca: another relay-ca is at work"* ]]
    [ -d "$ca/.lock.d/$$" ]
}

@test "without flock a lock that names no process blocks only once" {
    hide flock
    ln -sf "$(command -v true)" bin/sleep
    have_ca
    mkdir "$ca/.lock.d"
    run -75 hidden client laptop
    hidden client laptop
}

@test "a directory that is busy for too long is status 75" {
    have_ca
    wrap flock <<<'#!/bin/sh
exit 1'
    run --separate-stderr -75 wrapped client laptop
    [[ $stderr == "relay-ca: $ca: another relay-ca is at work"* ]]
}

@test "whichever call of openssl fails, the command fails in one line and changes nothing" {
    wrap_nth openssl 'echo made to fail >&2; exit 1'
    for command in init 'server relay 192.0.2.1' 'client laptop' 'renew relay' 'renew laptop' 'revoke laptop' crl list; do
        mkdir -p "$ca"
        before=$(snapshot)
        n=1
        # shellcheck disable=SC2086 # a command is several words
        until run --separate-stderr nth $n $command && [ "$status" -eq 0 ]; do
            [ "${#stderr_lines[@]}" -eq 1 ]
            [[ $stderr == 'relay-ca: '* ]]
            [ "$(snapshot)" = "$before" ]
            n=$((n + 1))
            [ "$n" -lt 20 ]
        done
        # The last round was without a failure, so there was at least one with.
        [ "$n" -gt 1 ]
        echo "$command: $((n - 1)) calls failed, of $(<count)"
        [ "$(cat count)" -eq $((n - 1)) ]
    done
}

@test "whichever call of openssl is the last before relay-ca is killed, the next command goes on" {
    # The configuration is in .work.PID, where PID is that of relay-ca.
    wrap_nth openssl 'pid=${OPENSSL_CONF#*.work.}; kill -KILL "${pid%%/*}"; exit 1'
    have_ca
    ca client laptop
    for n in 1 2 3 4 5 6; do
        run nth $n renew laptop
        run -0 ca list
        [ "$(grep -c valid <<<"$output")" -le $((n + 1)) ]
        [ -z "$(find "$ca" -name '.work*' -o -name .commit)" ]
        verify client "$ca/client/laptop/cert.pem"
    done
    ca renew laptop
}

@test "a signal ends relay-ca with status 130 and changes nothing" {
    wrap_nth openssl 'pid=${OPENSSL_CONF#*.work.}; kill -TERM "${pid%%/*}"'
    have_ca
    ca client laptop
    before=$(snapshot)
    run -130 nth 3 renew laptop
    [ "$(snapshot)" = "$before" ]
    [ -z "$(find "$ca" -name '.work*')" ]
}

@test "a change that cannot be put in place as a whole is finished by the next command" {
    wrap_nth mv 'exit 1'
    have_ca
    ca client laptop
    before=$(snapshot)
    run -70 nth 1 renew laptop
    [ "$(snapshot)" = "$before" ]
    for n in 2 3 4 5 6; do
        old=$(serial "$ca/client/laptop/cert.pem")
        run --separate-stderr -74 nth $n renew laptop
        [[ $stderr == *"the change is made"* ]]
        [ "$(ca list | grep -c valid)" -eq "$n" ]
        [ "$(serial "$ca/client/laptop/cert.pem")" != "$old" ]
        [ -f "$ca/client/laptop/cert-$old.pem" ]
        [ "$(openssl x509 -in "$ca/client/laptop/cert.pem" -noout -pubkey)" = "$(public_key "$ca/client/laptop/private.pem")" ]
        [ ! -e "$ca/.commit" ]
    done
}

@test "files that openssl left incomplete are not taken, although it said nothing" {
    have_ca
    ca client laptop
    before=$(snapshot)
    for file in cert.pem private.pem index.txt request.pem; do
        wrap openssl <<EOF
#!/bin/sh
REAL "\$@" || exit
find HERE/ca/.work.* -name $file -exec truncate -s -5 {} +
EOF
        run --separate-stderr -74 wrapped renew laptop
        [[ $stderr == *"free some space"* ]]
        [ "$(snapshot)" = "$before" ]
    done
    for file in crl.pem crlnumber; do
        wrap openssl <<EOF
#!/bin/sh
REAL "\$@" || exit
find HERE/ca/.work.* -name $file -exec truncate -s 0 {} +
EOF
        run --separate-stderr -74 wrapped crl
        [ "$(snapshot)" = "$before" ]
    done
}

@test "what an earlier run left in the directory is removed" {
    have_ca
    mkdir -p "$ca/.work.1/new/client/old"
    ca client laptop
    [ -z "$(find "$ca" -name '.work*')" ]
    [ ! -e "$ca/client/old" ]
}

@test "without openssl the status is 69" {
    have_ca
    hide openssl
    run --separate-stderr -69 hidden list
    [ "$stderr" = 'relay-ca: openssl: not found: install openssl' ]
}
