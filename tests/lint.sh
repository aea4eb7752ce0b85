#!/bin/bash
# Every static check: one line a tool, "ok" or "failed" and what it found.
# shellcheck disable=SC2317 # check calls the functions

set -u
cd "$(dirname "$0")/.." || exit
export LC_ALL=C
shopt -s nullglob

sources=({broker,handlers,bin}/{,*/}*.c tests/bench/*.c)
headers=({broker,handlers,bin}/{,*/}*.h tests/bench/*.h tests/fuzz/*.c tests/fuzz/*.h tests/programs/*.{c,h})
shell=(bin/relay-ca bin/ca/*.sh bin/completions/*.bash .ci/run .debian/*.p* .debian/tests/demo)
mapfile -t -O "${#shell[@]}" shell < <(find tests -name '*.sh' -o -name '*.bash' -o -name '*.bats' | sort)

# The compiler sees the sources as the Makefile shows them to it.
# shellcheck disable=SC2016 # these are make's variables
mapfile -t flags < <("${MAKE:-make}" -s --no-print-directory --eval \
    'flags:;@printf "%s\n" -std=c11 $(WARNINGS) $(DEFINES) $(INCLUDES) $(shell $(PKG_CONFIG) --cflags $(TOKENS))' flags)

# each COMMAND...: runs COMMAND with "{}" replaced by each source, a few at a time.
each() {
    printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -I '{}' "$@"
}

clang_format() {
    "${CLANG_FORMAT:-clang-format}" --dry-run -Werror "${sources[@]}" "${headers[@]}"
}

# Leaks are left to clang: gcc 12 loses the owner where one is kept in a hash
# table or behind a pointer to a pointer.
gcc_analyzer() {
    each gcc -O1 -fanalyzer -Wno-analyzer-malloc-leak "${flags[@]}" -c -o /dev/null '{}'
}

# cppcheck reads no system header: it is told what some macros come to, without
# a semicolon, at which it would silently cut the definition off. The
# functions that it complains of would need threads: only some of the
# benchmarks' programs have any, and these call none of them.
cppcheck_all() {
    cppcheck --quiet --std=c11 -j "$(nproc)" --library=posix --error-exitcode=1 \
        --enable=warning,performance,portability \
        --suppress=getpwnamCalled --suppress=getgrnamCalled \
        --suppress=getservbynameCalled \
        '-DNULL=((void*)0)' '-DLIST_HEAD(name,type)=struct type *' \
        '-DLIST_FOREACH(var,head,field)=while (((var) = (head)->lh_first) != 0)' \
        '-DHASH_ITER(hh,list,e,next)=while (((e) = (list)) != 0)' \
        '-DVERSION=""' '-DSYSCONFDIR=""' -Ibroker -Ihandlers -Ibin "${sources[@]}"
}

clang_tidy() {
    each "${CLANG_TIDY:-clang-tidy}" --quiet '{}' -- "${flags[@]}" 2>/dev/null
}

shellcheck_all() {
    shellcheck -x -P SCRIPTDIR "${shell[@]}"
}

shfmt_all() {
    shfmt -i 4 -ci -d "${shell[@]}"
}

# Which room may include which.
rooms() {
    python3 -B tests/rooms.py
}

mandoc_all() {
    mandoc -T lint -W warning man/*.[1578]
}

# check NAME COMMAND...
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf '%-14s ok\n' "$name"
    else
        printf '%-14s failed\n%s\n' "$name" "$output"
        failed=1
    fi
}

failed=0
check rooms rooms
check clang-format clang_format
check 'gcc -fanalyzer' gcc_analyzer
check cppcheck cppcheck_all
check clang-tidy clang_tidy
check shellcheck shellcheck_all
check shfmt shfmt_all
check mandoc mandoc_all
exit "$failed"
