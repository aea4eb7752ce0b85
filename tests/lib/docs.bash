# The pages and README to be looked at, and the pages to be run. To be loaded after helpers.
#
# shellcheck shell=bash disable=SC2154

root=$tests/..

# python: the script on stdin; in it, the project's files and what they list.
python() {
    cat - <(cat) >"$scratch/docs.py" <<'COMMON'
import glob, os, re, sys

ROOT = sys.argv[1]

def text(path):
    with open(f"{ROOT}/{path}") as file:
        return file.read()

def names(pattern):
    return sorted(os.path.relpath(path, ROOT) for path in glob.glob(f"{ROOT}/{pattern}", recursive=True))

SOURCES = names("broker/**/*.c") + names("handlers/**/*.c") + names("bin/**/*.c")
PAGES = names("man/*.[1578]")

def section(page, name):
    """The lines of a page below .Sh (or .Ss) name."""
    found = re.search(rf'^\.S[hs] {name}\n(.*?)(?=^\.Sh |\Z)', text(f"man/{page}"), re.M | re.S)
    assert found, f"{page} has no section {name}"
    return found.group(1)

def same(what, documented, real):
    """Says what is only in one of two sets or dicts."""
    if isinstance(real, dict):
        documented, real = set(documented.items()), set(real.items())
    for item in sorted(set(documented) - set(real), key=str):
        print(f"{what}: only in the documentation: {item}")
    for item in sorted(set(real) - set(documented), key=str):
        print(f"{what}: only in the sources: {item}")
    if set(documented) != set(real):
        sys.exit(1)

COMMON
    python3 -SB "$scratch/docs.py" "$root"
}

# example PAGE PATTERN: the literal block of a page that has PATTERN in it. Where
# there is none, a command that fails: who runs it shall not run nothing.
example() {
    awk -v page="$1" -v pattern="$2" '
        /^\.Bd -literal/ { inside = 1; block = ""; next }
        /^\.Ed/ { if (inside && index(block, pattern)) { found = 1; printf "%s", block; exit } inside = 0 }
        inside { gsub(/\\e/, "\\"); block = block $0 "\n" }
        END { if (!found) print "false # no example of " page " has this: " pattern }
    ' "$root/man/$1"
}

# commands PAGE PATTERN: the same without prompts, to be run.
commands() {
    example "$@" | sed 's/^[#$] //'
}

need_mandoc() {
    command -v mandoc >/dev/null || skip 'needs mandoc'
}
