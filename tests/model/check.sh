#!/bin/bash
# Checks the models of pairing, bare sessions, parking, proof and several relays with spin: one line for each property,
# and one for each mutant, a broken model in which that property must be seen to fail.
#
#   WHOLE=1  two relays with a fault in any of their arrangements, which takes some GiB and half an hour: else those
#            without one, and those of one customer whose stones are at the same relay

set -u
models=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
failed=0
patience=${WHOLE:+7200}
patience=${patience:-1500} # seconds for each

# build NAME "SPIN FLAGS" CC FLAG...: makes the verifier NAME/pan of $model.
build() {
    local name=$1 flags=$2
    shift 2
    mkdir -p "$work/$name" && cd "$work/$name" || return
    # shellcheck disable=SC2086 # these are several
    spin -a $flags "$models/$model.pml" >spin.log 2>&1 && "${CC:-cc}" -O2 -w "$@" -o pan pan.c
}

# check NAME "SPIN FLAGS" "PAN FLAGS" CC FLAG...: its output is NAME/out.
check() {
    local name=$1 flags=$2 options=$3
    shift 3
    # shellcheck disable=SC2086
    build "$name" "$flags" "$@" && timeout "$patience" ./pan -m10000 -w24 $options >out 2>&1
}

# Several at a time; each takes below 1 GiB, but the relays 3.
model=pairing
check safety '' '' -DSAFETY &
check liveness -DLIVENESS '-a -N no_waiter_lost' &
check ends '' -l -DNP &
wait
for mutant in IDENTITY DOUBLE FD ANNOUNCE; do
    check "$mutant" "-DMUTANT_$mutant" '' -DSAFETY &
done
wait
for mutant in RESTART AGENT_FORGOTTEN NO_REMATCH; do
    check "$mutant" "-DLIVENESS -DMUTANT_$mutant" '-a -N no_waiter_lost' &
done
wait

model=bare
check bare '' -m100000 -DSAFETY -DCOLLAPSE &
for mutant in READ_AHEAD NO_SOCKET OVERTAKES CLEAN_DEATH; do
    check "$mutant" "-DMUTANT_$mutant" -m100000 -DSAFETY -DCOLLAPSE &
done
wait

model=parking
check parking '' '' -DSAFETY &
for mutant in IDENTITY TWICE NO_LOOK NO_NEXT; do
    check "parking_$mutant" "-DMUTANT_$mutant" '' -DSAFETY &
done
wait

model=proof
check proof '' '' -DSAFETY &
for mutant in PROCESS LEAF TIME SAME VOUCHER ANNOUNCE; do
    check "proof_$mutant" "-DMUTANT_$mutant" '' -DSAFETY &
done
wait

model=relays
if [ -n "${WHOLE-}" ]; then
    relays=relays
    check relays '' '-m100000 -w28' -DSAFETY -DCOLLAPSE
else
    relays='relays_calm relays'
    check relays_calm -DFAULTS=0 '-m100000 -w25' -DSAFETY -DCOLLAPSE &
    check relays -DONE_CUSTOMER '-m100000 -w25' -DSAFETY -DCOLLAPSE &
fi
wait
for mutant in TWO_HOPS MEET LEFT NO_LOOK NOWHERE WOKEN CALL_OFF ATTACH REFUSED; do
    check "relays_$mutant" "-DMUTANT_$mutant" -m100000 -DSAFETY -DCOLLAPSE -O0
done
# the tables that differ come last
check relays_KEY -DMUTANT_KEY -m100000 -DSAFETY -DCOLLAPSE -DT_REVERSE -O0
wait

# report WORD PROPERTY FIGURE: one line.
report() {
    printf '%-7s %-24s %s\n' "$@"
    [ "$1" = ok ] || failed=1
}

# states NAME: how many it looked at.
states() {
    sed -n 's/^ *\([0-9]*\) states, stored.*/\1 states/p' "$work/$1/out"
}

# holds NAME PROPERTY: the whole search ended, without an error.
holds() {
    local word=failed
    if grep -q 'errors: 0$' "$work/$1/out" && ! grep -q 'Search not completed\|max search depth' "$work/$1/out"; then
        word=ok
    fi
    report "$word" "$2" "$(states "$1")"
}

# caught MUTANT PATTERN: the search ended with this error.
caught() {
    local word=failed
    if grep -q "^pan:1: $2" "$work/$1/out"; then
        word=ok
    fi
    report "$word" "mutant $1" "$(grep '^pan:1' "$work/$1/out")"
}

holds safety two_identities_joined
holds safety poll_matched_twice
holds safety fd_kept
holds safety session_unknown
holds liveness no_waiter_lost
holds ends 'every run ends'
holds bare 'bytes and ends keep their places'
caught IDENTITY 'assertion violated  *!(two_identities_joined)'
caught DOUBLE 'assertion violated  *!(poll_matched_twice)'
caught FD 'assertion violated  *!(fd_kept)'
caught ANNOUNCE 'assertion violated  *!(session_unknown)'
caught RESTART 'acceptance cycle'
caught AGENT_FORGOTTEN 'acceptance cycle'
caught NO_REMATCH 'acceptance cycle'
caught READ_AHEAD 'assertion violated  *(came'
caught NO_SOCKET 'assertion violated  *heard_close'
caught OVERTAKES 'assertion violated  *(came'
caught CLEAN_DEATH 'assertion violated'
holds parking woken_twice
holds parking parked_lost
holds parking holder_unknown
caught parking_IDENTITY 'assertion violated  *!(two_identities_joined)'
caught parking_TWICE 'assertion violated  *!(woken_twice)'
caught parking_NO_LOOK 'assertion violated  *!(parked_lost)'
caught parking_NO_NEXT 'assertion violated  *!(parked_lost)'
holds proof 'a leaf has signed this handshake'
for mutant in PROCESS LEAF TIME SAME; do
    caught "proof_$mutant" 'assertion violated  *here'
done
for mutant in VOUCHER ANNOUNCE; do
    caught "proof_$mutant" 'assertion violated  *was_here'
done
for name in $relays; do
    for property in two_identities_joined matched_twice two_hops stone_lost other_end_kept; do
        holds "$name" "$property"
    done
done
caught relays_KEY 'assertion violated  *!(two_identities_joined)'
caught relays_MEET 'assertion violated  *!(matched_twice)'
caught relays_TWO_HOPS 'assertion violated  *!(two_hops)'
for mutant in NOWHERE WOKEN CALL_OFF ATTACH REFUSED; do
    caught "relays_$mutant" 'assertion violated  *!(stone_lost)'
done
for mutant in LEFT NO_LOOK; do
    caught "relays_$mutant" 'assertion violated  *!(other_end_kept)'
done
exit "$failed"
