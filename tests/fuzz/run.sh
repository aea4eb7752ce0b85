#!/bin/bash
# run.sh FOLDER FUZZER...: runs each fuzzer of FOLDER/bin for FUZZ_SECONDS,
# two at a time for each processor, on the inputs in the tree and those of
# earlier runs. New inputs, and those that break something, stay in FOLDER.

set -u
folder=$(realpath "$1")
export folder seeds FUZZ_SECONDS=${FUZZ_SECONDS:-60} LC_ALL=C
seeds=$(cd "$(dirname "$0")" && pwd)/corpus
shift

# fuzz FUZZER: one line of what it did, and its log where it failed.
fuzz() {
    local name=$1 log=$folder/$1.log seed=$seeds/${1#fuzz_} status
    mkdir -p "$folder/corpus/$name" "$folder/artefacts"
    cd "$folder" || return
    LLVM_PROFILE_FILE=/dev/null timeout -k 10 $((FUZZ_SECONDS + 120)) "bin/$name" \
        -max_total_time="$FUZZ_SECONDS" -max_len=20000 -timeout=20 -rss_limit_mb=1024 \
        -print_final_stats=1 -verbosity=1 -artifact_prefix="artefacts/$name." \
        "corpus/$name" "$seed" >"$log" 2>&1 </dev/null
    status=$?
    if [ "$status" -ne 0 ]; then
        printf 'failed  %s\n' "$name"
        tail -n 40 "$log"
        return 1
    fi
    printf 'ok      %-18s %s inputs, %s a second\n' "$name" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")"
}
export -f fuzz

printf '%s\0' "$@" | xargs -0 -P "$((2 * $(nproc)))" -I '{}' bash -c 'fuzz {}'
