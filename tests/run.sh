#!/bin/bash
# Runs the test suite, or the bats files that are named, and ends with the ten
# slowest tests and a line that counts: "N passed, N failed", and ", N skipped"
# where some were.
#
#   JOBS     how many files run at a time; unless told, half as many again as there
#            are processors: half of its time a test waits
#   FILTER   only the tests whose names match this regular expression
#   TAGS     only the tests with these tags, as "!slow"

set -u
cd "$(dirname "$0")" || exit
# Debian's programs, before any other of the same name
export PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export LC_ALL=C BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-600}"

# In a chroot, where / is no mount point, nobody can have mounts of his own: go on
# in a copy of it that is one.
if [ "$(id -u)" -eq 0 ] && ! mountpoint -q / && [ -z "${SUITE_ROOT-}" ]; then
    SUITE_ROOT=$(mktemp -d) || exit
    export SUITE_ROOT
    if mount --rbind / "$SUITE_ROOT"; then
        chroot "$SUITE_ROOT" unshare -m "$PWD/run.sh" "$@"
        status=$?
        umount -R -l "$SUITE_ROOT"
        rmdir "$SUITE_ROOT"
        exit "$status"
    fi
fi

processors=$(nproc)
jobs=${JOBS:-$((processors + (processors + 1) / 2))}
command -v parallel >/dev/null || jobs=1

# longest_first: all files, by how many tests they have, of which a slow one takes as
# long as eight others, so that what runs side by side ends together. Those of
# packages need such.
longest_first() {
    find . -name '*.bats' ! -path './packages/*' -printf '%P\0' | xargs -0 awk '
        /^@test/ { weight[FILENAME]++ }
        /^# bats test_tags=.*slow/ { weight[FILENAME] += 7 }
        END { for (file in weight) print weight[file], file }' | sort -k1,1nr -k2 | cut -d ' ' -f 2
}

# found NAME: a file by its path, or by its name alone in whichever folders have it
found() {
    local paths=$1
    [[ $1 == */* ]] || paths=$(find . -name "$1" -printf '%P\n')
    echo "${paths:-$1}"
}

if [ $# -gt 0 ]; then
    mapfile -t files < <(for name; do found "$name"; done)
else
    mapfile -t files < <(longest_first)
fi

results=$(mktemp) || exit
trap 'rm -f "$results"' EXIT

options=(--tap --timing --setup-suite-file setup_suite.bash)
[ "$jobs" -eq 1 ] || options+=(--jobs "$jobs" --no-parallelize-within-files)
[ -z "${FILTER-}" ] || options+=(--filter "$FILTER")
[ -z "${TAGS-}" ] || options+=(--filter-tags "$TAGS")
bats "${options[@]}" "${files[@]}" </dev/null 2>&1 | tee "$results"
status=${PIPESTATUS[0]}

# count PATTERN: the results that match.
count() {
    grep -cE "$1" "$results"
}

planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$results")
skipped=$(count '^ok [0-9]+ .* # skip')
passed=$(($(count '^ok [0-9]+ ') - skipped))
# what was planned and has no result failed as well
failed=$((${planned:-0} - passed - skipped))
[ "$failed" -gt 0 ] || [ "$status" -eq 0 ] || failed=1
[ "$skipped" -eq 0 ] && more='' || more=", $skipped skipped"
echo 'slowest:'
sed -nE 's/^(not )?ok [0-9]+ (.*) in ([0-9]+)ms.*/\3 ms  \2/p' "$results" | sort -rn | head -n 10
echo "$passed passed, $failed failed$more"
[ "$failed" -eq 0 ]
