# Text for Prometheus. To be loaded after helpers.
#
# shellcheck shell=bash

# is_metrics FILE LEAST: whether it is such text, with so many series at least.
is_metrics() {
    if command -v promtool >/dev/null; then
        promtool check metrics <"$1" || return
    fi
    python3 -SB - "$@" <<'END'
import re, sys
name, label = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r"[a-z_]+=\"(?:[^\"\\]|\\[\\\"n])+\""
types, seen = {}, set()
text = open(sys.argv[1]).read()
assert text.endswith("\n")
for line in text.splitlines():
    if re.fullmatch(rf"# HELP {name} .+", line):
        continue
    m = re.fullmatch(rf"# TYPE ({name}) (gauge|counter)", line)
    if m:
        assert m[1] not in types
        types[m[1]] = m[2]
        assert (m[2] == "counter") == m[1].endswith("_total"), line
        continue
    m = re.fullmatch(rf"({name})(\{{{label}(?:,{label})*\}})? ([0-9]+)", line)
    assert m and m[1] in types, line
    assert (m[1], m[2]) not in seen, line
    seen.add((m[1], m[2]))
assert len(seen) >= int(sys.argv[2]), len(seen)
END
}

# value_in FILE SERIES: its value.
value_in() {
    awk -v series="$2" 'index($0, series " ") == 1 { print $NF; found = 1 } END { exit !found }' "$1"
}

# written_in_one_step FILE COMMAND...: whether COMMAND --textfile replaces FILE so.
written_in_one_step() {
    local file=$1
    shift
    mkdir folder
    echo old >"folder/$file"
    ln "folder/$file" kept
    "$@" --textfile "folder/$file"
    [ "$(cat kept)" = old ]
    [ "$(stat -c %a "folder/$file")" = 644 ]
    [ "$(ls folder)" = "$file" ]
}
