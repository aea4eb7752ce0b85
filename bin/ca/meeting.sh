# relay-ca: certificates of one customer meet, see customers(5).
# shellcheck shell=sh disable=SC2034,SC2154

# fingerprint_of DESCRIPTION: prints that in what describe has printed.
fingerprint_of() {
    set -- "${1#* * }"
    echo "${1%% *}"
}

# fingerprints NAME: prints those of its certificates that are not revoked.
fingerprints() {
    for serial in $(serials "$1"); do
        file=$new/issued/$serial.pem
        [ -f "$file" ] || file=issued/$serial.pem
        description=$(describe "$file") || exit
        fingerprint_of "$description"
    done
}

# with_meeting NAME: prints the table, where all of $added are in the section that
# has one of them, or else in that of NAME, which is made where it is missing.
with_meeting() {
    [ -e "$table" ] || set -- "$1" /dev/null
    awk -v name="$1" -v list="$added" '
        function section(line) { sub(/^[ \t]*\[/, "", line); sub(/\].*/, "", line); return line }
        function missing(i, n, each) {
            n = split(list, each, " ")
            for (i = 1; i <= n; i++)
                if (!(each[i] in had)) print "certificate = sha256:" each[i]
        }
        function fingerprint(line) {
            line = tolower(line); gsub(/[ \t\r:]/, "", line)
            return sub(/^certificate=(sha256)?/, "", line) ? line : ""
        }
        BEGIN { n = split(list, each, " "); for (i = 1; i <= n; i++) want[each[i]] = 1 }
        FNR == NR {
            if (/^[ \t]*\[/) here = section($0)
            if ((seen = fingerprint($0)) in want) { had[seen] = 1; if (target == "") target = here }
            next
        }
        FNR == 1 && target == "" { target = name }
        { print }
        /^[ \t]*\[/ && section($0) == target { missing(); done = 1 }
        END {
            if (done) exit
            if (FNR > 0 && NR > FNR) print ""
            print "[" name "]"
            missing()
        }' "${2-$table}" "${2-$table}"
}

# closed: does the table refuse those that it does not name?
closed() {
    [ -e "$table" ] && sed 's/[[:space:]]//g' "$table" |
        awk '/^\[/ { here = $0 } here == "[default]" && $0 == "allow=no" { found = 1 } END { exit !found }'
}

# let_meet NAME FINGERPRINT...: puts all its certificates, which are these, under
# one customer, or says who has to.
let_meet() {
    name=$1
    shift
    added=$*
    set -- "$name"
    case $added in
        *' '*) ;;
        *) return 0 ;; # there is one: it meets itself
    esac
    if [ ! -e "$table" ] && [ ! -e "$etc/relay.conf" ]; then
        echo "next: let all certificates of $1 meet, on the relay's host: relayctl customer $1 FILE, for each of"
        for serial in $(serials "$1"); do
            echo "  $dir/issued/$serial.pem"
        done
        return
    fi
    if closed && ! some_in_table; then
        echo "next: $table refuses who is not in it: add to one customer, so that they meet: $added"
        return
    fi
    replace_table with_meeting "$1"
    tell_table "$1"
}

some_in_table() {
    for fingerprint in $added; do
        ! has_certificate "$fingerprint" || return 0
    done
    return 1
}

# tell_table NAME: what is left to do for it to be obeyed.
tell_table() {
    conf=$etc/relay.conf
    if [ -e "$conf" ] && ! grep -q '^[[:space:]]*customers[[:space:]]*=' "$conf"; then
        echo "next: write customers = $table into $conf, and let the relay read it: relayctl reload"
    else
        echo "next: all certificates of $1 are in $table, let the relay read it: relayctl reload"
    fi
}
