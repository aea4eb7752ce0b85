#!/bin/bash
# Runs the test suite, or the bats files that are named, and ends with a line
# that counts: "N passed, N failed", and ", N skipped" where some were.
# JOBS is how many files run at a time.

set -u
cd "$(dirname "$0")" || exit
# Debian's programs, before any other of the same name
export PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export LC_ALL=C BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-300}"

jobs=${JOBS:-$(nproc)}
command -v parallel >/dev/null || jobs=1
files=("$@")
[ $# -gt 0 ] || files=(./*.bats)

results=$(mktemp) || exit
trap 'rm -f "$results"' EXIT

options=(--tap --timing)
[ "$jobs" -eq 1 ] || options+=(--jobs "$jobs" --no-parallelize-within-files)
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
echo "$passed passed, $failed failed$more"
[ "$failed" -eq 0 ]
