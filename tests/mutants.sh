#!/bin/bash
# mutants.sh [NAME...]: breaks what the sources say on purpose, one place at a
# time, and sees that a test notices. One line for each mutant; fails where one
# lives. The sources are a copy: nothing here is changed.

set -u
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# mutant NAME FILE TESTS FILTER SED: SED changes FILE, and a test of TESTS whose
# name has FILTER fails then.
mutant() {
    local name=$1 file=$2 tests=$3 filter=$4 change=$5 log=$work/$1.log
    [ "${#wanted[@]}" -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
    cp "$top/$file" "$work/tree/$file"
    sed -i -e "$change" "$work/tree/$file"
    if cmp -s "$top/$file" "$work/tree/$file"; then
        report failed "$name" 'the sources have no such place any more'
    elif ! make -s -C "$work/tree" -j2 all test-programs >"$log" 2>&1; then
        report failed "$name" 'does not build'
        tail -n 5 "$log"
    elif (cd "$work/tree" && FILTER=$filter timeout 900 tests/run.sh "$tests.bats") >"$log" 2>&1; then
        report failed "$name" 'lives'
    elif grep -q '^not ok' "$log"; then
        report ok "$name" "$(grep -m 1 '^not ok' "$log" | cut -c 1-90)"
    else
        report failed "$name" 'the tests did not run'
        tail -n 5 "$log"
    fi
    cp "$top/$file" "$work/tree/$file"
}

# report WORD NAME FIGURE
report() {
    printf '%-7s %-20s %s\n' "$@"
    [ "$1" = ok ] || failed=1
}

failed=0
wanted=("$@")
mkdir "$work/tree"
(cd "$top" && git ls-files -z | xargs -0 cp --parents -t "$work/tree") || exit
make -s -C "$work/tree" -j2 all test-programs || exit

sealed=handlers/channel/channel_sealed.c
link=handlers/channel/sealed_link.c
tls=handlers/channel/channel_tls.c

# the outer TLS reads behind its own close_notify
mutant outer-read-ahead $sealed faults/sealed 'megabytes of a marked' \
    's/if (!sealed_of(ch)->marked)/if (1)/'
# and answers KeyUpdates behind it, in the middle of the inner's records
mutant outer-wbio $tls relay/keys 'a key that has written' \
    's/SSL_set0_wbio(.*);/BIO_free(nowhere);/'
# a direction goes bare before its handshake is complete
mutant switch-early $link faults/sealed 'looks like one TLS' \
    's/if (!s->marked || !s->open || s->out == SEALED_BARE)/if (!s->marked || s->out == SEALED_BARE)/'
# and with records left that belong below the outer TLS
mutant switch-in-write $link faults/sealed 'looks like one TLS' \
    's/^	while ((len = BIO_nread0(s->link, \&at)) > 0) {/&\n		if (s->marked \&\& s->open \&\& s->out != SEALED_BARE) { if (sealed_link_finish(s) == -1) return -1; s->out = SEALED_BARE; continue; }/'
# the end of the outer TLS is taken for the end of the direction
mutant outer-end-is-end $link faults/sealed 'megabytes of a marked' \
    's/if (n != 0 || !s->marked)/if (1)/'
# FIN without the inner close_notify is an end
mutant cut-is-end $sealed faults/sealed 'a direction that is cut' \
    's/^			s->broken = 1;$/			return 0;/'
# whoever has any certificate may be at the other end
mutant any-certificate handlers/tls/seal.c stone/sealed 'another certificate' \
    's/if (is_same(leaf, sk_X509_value(accepted, i))) {/if (is_same(leaf, leaf)) {/'
# a relay's handler gives its socket away before the ring is empty
mutant overtakes handlers/channel/hop.c relay/bare 'on its way as a direction' \
    's/^	int gone, last;$/&\n\n	if (h->bare) { *len = 0; return at; }/'
exit "$failed"
