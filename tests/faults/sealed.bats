#!/usr/bin/env bats
# Sealed sessions through a relay that lies: it can end them, and no more.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/clients
load ../lib/stones
load ../lib/shared
load ../lib/sealed

setup_file() {
    make_pki alice
}

setup() {
    prepare
    start_lying_relay
    start_target target shout
}

# ends WORD...: of a session of "auto" at either end.
ends() {
    a_sealing_agent auto "$target"
    a_sealing_stone auto
}

# spoken: what becomes of a word that is said.
spoken() {
    speak "$stone_port" hello
}

# is_reset: a session breaks, whatever of it was said before.
is_reset() {
    local said
    said=$(spoken)
    [[ $said =~ ^got=b\'H?E?L?L?O?\'\ ended=reset$ ]] || {
        echo "$said"
        return 1
    }
}

# went PATTERN: how the last session went, as the relay has it.
went() {
    wait_until 60 last_went "$1"
}

last_went() {
    [[ $(grep '^session ' "$scratch/relay.log" | tail -n 1) =~ $1 ]]
}

# length WAY: of a whole session at the relay, where the first time it was good.
length() {
    sed -n "s/^session .*\\<$1=\\([0-9]*\\).*/\\1/p" "$scratch/relay.log" | head -n 1
}

# each_offset MARK LIE: at many places of both ways. Sessions differ in length by
# a few bytes, as ECDSA's signatures do; the last of these lies in close_notify.
each_offset() {
    local mark=$1 lie=$2 way at last
    lies "$mark"
    [ "$(spoken)" = "got=b'HELLO' ended=clean" ]
    went ' ended=clean,clean '
    for way in up down; do
        last=$(length "$way")
        for at in 0 1 5 40 $((last / 4)) $((last / 2)) $((last * 3 / 4)) \
            $((last - 60)) $((last - 30)) $((last - 12)); do
            echo "# $mark $lie:$way:$at of $last"
            lies "$mark" "$lie:$way:$at"
            is_reset
        done
    done
    lies "$mark"
    [ "$(spoken)" = "got=b'HELLO' ended=clean" ]
}

@test 'a byte that is changed breaks the session, wherever it is' {
    ends
    each_offset '' change
}

@test 'nor is it another byte in a marked session' {
    ends
    each_offset mark change
}

@test 'a direction that is cut is no clean end, wherever that is' {
    ends
    each_offset '' cut
}

@test 'nor in a marked session' {
    ends
    each_offset mark cut
}

@test 'a marked session is sealed once, and looks like one TLS connection' {
    ends
    lies mark
    [ "$(spoken)" = "got=b'HELLO' ended=clean" ]
    both_say bare
    went ' agent.in=16-14-17 agent.out=16-14-17 stone.in=16-14-17 stone.out=16-14-17$'
}

@test 'megabytes of a marked session come through whole, and its ends one by one' {
    stop target || :
    start_streams target
    ends
    lies mark
    timeout 300 python3 -SB "$tests/lib/streams.py" client "$stone_port" 20 4 3>&-
    wait_until 60 says_times target 20 '^whole'
    says_times target 0 '^(spoilt|error)'
    both_say bare
}

@test 'many connections share a marked session' {
    a_sealing_agent auto "$target"
    lies mark
    stone_port=$(free_port)
    start_relay_stone stone '--sessions 1' "$(to_relay "localhost:$stone_port")"
    for _ in {1..5}; do
        wait_until 60 answers_with "$stone_port" hello
    done
    stop stone
    wait_until 60 says stone ' session .* streams=5 reason=done .*seal=bare'
    wait_until 60 says agent ' session .* streams=5 reason=done .*seal=bare'
}

@test "an offer that is taken out unseals auto's sessions, and ends those that require it" {
    ends
    lies strip
    [ "$(spoken)" = "got=b'HELLO' ended=clean" ]
    both_say none
    lies strip-answer
    [ "$(spoken)" != "got=b'HELLO' ended=clean" ]
    stop stone
    a_sealing_stone require
    lies strip
    [ "$(spoken)" = "got=b'' ended=reset" ]
    lies strip-answer
    [ "$(spoken)" = "got=b'' ended=reset" ]
    stop stone
    stop agent
    a_sealing_agent require "$target"
    a_sealing_stone auto
    lies strip
    [ "$(spoken)" = "got=b'' ended=reset" ]
    wait_until 60 says agent 'not-sealed reason=Sealed_sessions_only'
}

@test 'a request that is rewritten on the way is none: what counts is inside' {
    local shouts=$target mode
    start_target resets resets 100
    a_sealing_agent auto "$target" "good=$shouts" "evil=$target"
    stone_port=$(free_port)
    for mode in auto require; do
        start_relay_stone stone "-q seal=$mode" '--sessions 0' \
            "127.0.0.1:$relay_port/ssl,http localhost:$stone_port \"GET / HTTP/1.1\\r\\nX-Service: good\" --"
        lies mark rewrite=good=evil
        [ "$(spoken)" = "got=b'HELLO' ended=clean" ]
        both_say bare
        # where there is no seal, it is the relay that says
        lies strip rewrite=good=evil
        [ "$(spoken)" != "got=b'HELLO' ended=clean" ]
        stop stone
    done
}

@test 'a stone that is joined to itself finds no agent' {
    ends
    lies reflect
    [ "$(spoken)" = "got=b'' ended=reset" ]
    wait_until 60 says stone 'not-connected .*reason=sealing:_unexpected_message'
}

@test 'a handshake that is held up ends at both ends by its deadline' {
    ends
    lies hold:down:100
    local start end
    start=$EPOCHREALTIME
    [ "$(spoken)" = "got=b'' ended=reset" ]
    end=$EPOCHREALTIME
    not_before 9 "$start" "$end"
    within 14 "$start" "$end"
    # the first to give up resets the other
    wait_until 60 says agent 'seal-failed reason='
    says stone 'not-connected .*reason=sealing:'
    says agent 'reason=the_handshake_timed_out ' || says stone 'reason=sealing:_the_handshake_timed_out '
}
