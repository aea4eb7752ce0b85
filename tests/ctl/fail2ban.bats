#!/usr/bin/env bats
# What of the log fail2ban makes use of.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/administrator

# The filter of the manual, by hand: what fail2ban-regex does, where Debian's
# fail2ban is not installed. <HOST> is an address.
matched_hosts='
import re, sys
filter, log = (open(name).read() for name in sys.argv[1:3])
lines = re.search(r"failregex = (.*)", filter, re.S).group(1).strip().splitlines()
host = r"(?P<host>[0-9.]+|[0-9a-f:]+)"
for line in log.splitlines():
    for regex in lines:
        found = re.search(regex.strip().replace("<HOST>", host), line)
        if found:
            print(found["host"])
            break
'

refusals_and_probes() {
    play <<'SCRIPT'
def refused(name, head):
    try:
        peer = Peer(name)
        peer.send(head)
        peer.head()
    except (OSError, ssl.SSLError, AssertionError):
        pass
refused(None, GET)                              # no certificate
refused("alice", b"GET /KLAB/x HTTP/1.1\r\n\r\n")  # 404
refused("alice", b"\x00\r\n\r\n")               # 400
for _ in range(5):
    tcp().close()                               # health probes
works("alice")
SCRIPT
    wait_until 60 three_refusals
    if [ "$spawner" = listen ]; then
        cp relay.log banned.log
    else
        log_of relay | sed 's/^<[0-9]*>//' >banned.log
    fi
    sed -n '/^\[Definition\]/,/^\.Ed/{/^\.Ed/d; s/\\e/\\/g; p}' "$tests/../man/relayctl.8" >filter.conf
    [ "$(python3 -c "$matched_hosts" filter.conf banned.log | grep -cxF "$client_address")" -eq 3 ]
    if command -v fail2ban-regex >/dev/null; then
        fail2ban-regex "$scratch/banned.log" "$scratch/filter.conf" >matched
        grep -F ' 3 matched' matched
    fi
}

three_refusals() {
    [ "$(log_of relay | grep -cE ': (refused|tls-refused) ')" -eq 3 ]
}

@test "the fail2ban filter of the manual finds each refusal, and no health probe or session" {
    stop broker
    through_each_spawner refusals_and_probes
}
