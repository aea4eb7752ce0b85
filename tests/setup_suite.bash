# Before and after all test files.
#
# A handler under xinetd has no stderr but its client's socket, so it logs to
# the syslog. Where no syslog daemon runs, as in a container, a sink stands in
# that appends each message to $SYSLOG_FILE. Where one runs, SYSLOG_FILE is
# empty and what would run under xinetd is skipped.

sink='
import os, socket, sys

sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
os.umask(0)
try:
    sink.connect("/dev/log")
    sys.exit("a syslog daemon runs")
except ConnectionRefusedError:
    os.unlink("/dev/log")
except OSError:
    pass
sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sink.bind("/dev/log")
print("ready", flush=True)
with open(sys.argv[1], "ab", buffering=0) as log:
    while True:
        log.write(sink.recv(65536).rstrip(b"\0\n") + b"\n")
'

setup_suite() {
    local file=$BATS_SUITE_TMPDIR/syslog
    export LC_ALL=C SYSLOG_FILE=''
    [ "$(id -u)" -eq 0 ] || return 0
    : >"$file"
    python3 -c "$sink" "$file" </dev/null >"$file.out" 2>&1 3>&- &
    syslog_pid=$!
    while kill -0 "$syslog_pid" 2>/dev/null; do
        if grep -qx ready "$file.out"; then
            SYSLOG_FILE=$file
            return
        fi
        sleep 0.02
    done
}

teardown_suite() {
    if [ -n "$SYSLOG_FILE" ]; then
        kill "$syslog_pid"
        rm -f /dev/log
    fi
}
