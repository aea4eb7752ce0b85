#!/usr/bin/env bats
# The table of customers: what may stand in it, who is let in by it, and what
# their agents are told.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers

setup_file() {
    make_pki alice alice2 bob carol
}

setup() {
    prepare
    no_customers
}

# refused_table TEXT ERROR: the broker does not start with that table.
refused_table() {
    printf '%b' "$1" >"$scratch/customers"
    run "$scratch/bin/relay-broker" -t -c "$scratch/relay.conf"
    [ "$status" -eq 78 ]
    [[ $output == *"$scratch/customers$2"* ]] || {
        echo "said $output, not $2"
        return 1
    }
}

@test "a mistake in the table is told with its file and line" {
    refused_table 'nusers = 1\n' ':1: a line before the first [section]'
    refused_table '[a\n' ":1: a section's name has no ] at its end"
    refused_table '[a b]\n' ":1: a section's name is 1 to 63 letters"
    refused_table '[]\n' ":1: a section's name is 1 to 63 letters"
    refused_table '[a]\n[b]\n[a]\n' ':3: section [a] is there twice'
    refused_table '[default]\n[default]\n' ':2: section [default] is there twice'
    refused_table '[a]\n# note\n\nusers = 1\n' ':4: unknown key users'
    refused_table '[a]\nnusers\n' ':2: not a line of the form key = value'
    refused_table '[a]\nnusers =\n' ':2: nusers has no value'
    refused_table '[a]\nnusers = -1\n' ':2: nusers: -1 is not 0 to 999999'
    refused_table '[a]\nnusers = 1000000\n' ':2: nusers: 1000000 is not 0 to 999999'
    refused_table '[a]\nnusers = 1\nnusers = 1\n' ':3: nusers is given twice'
    refused_table '[a]\ntype = 4\n' ':2: type: 4 is not 0 to 3'
    refused_table '[a]\nallow = maybe\n' ':2: allow: maybe is not yes or no'
    refused_table '[a]\nexpire = tomorrow\n' ':2: expire: tomorrow is not a date'
    refused_table '[a]\nexpire = 2027-02-29\n' ':2: expire: 2027-02-29 is not a date'
    refused_table '[a]\nexpire = 2027-01-01T00:00:00\n' ':2: expire: 2027-01-01T00:00:00 is not'
    refused_table '[a]\ncertificate = sha256:12\n' ':2: certificate: not of the form'
    refused_table "[default]\ncertificate = $(fingerprint bob)\n" ':2: [default] is for the certificates'
    refused_table "[a]\ncertificate = $(fingerprint bob)\n[b]\ncertificate = $(fingerprint bob)\n" \
        ':4: this certificate is in [a] already'
    rm customers
    run "$scratch/bin/relay-broker" -t -c relay.conf
    [ "$status" -eq 78 ]
    [[ $output == *'customers: No such file or directory'* ]]
}

# expires_at EXPIRE UNIX: that is what the agent of alice is told.
expires_at() {
    : >customers
    customer alice "expire = $1"
    ctl reload
    play <<SCRIPT
agent = Peer("alice")
agent.send(POLL + b"\r\n")
answer = agent.head().decode()
assert "&expire=$2&" in answer, answer
SCRIPT
}

@test "expire is a date, an RFC 3339 time, a Unix time or never" {
    start_broker
    start_relay listen
    expires_at 2037-12-31 2145916799
    expires_at 2037-12-31T23:59:59Z 2145916799
    expires_at 2038-01-01T08:59:59+09:00 2145916799
    expires_at '2037-12-31 18:59:59-05:00' 2145916799
    expires_at 2145916799 2145916799
    expires_at never 4294967295
}

@test "an agent is told its customer's values, with a digest over them and its certificate" {
    customer alice 'nusers = 7' 'type = 1' 'expire = 1999999999'
    start_broker
    start_relay listen
    play <<'SCRIPT'
import hashlib

agent = Peer("alice")
agent.send(POLL + b"\r\n")
value = re.search(rb"X-Customer: (\S+)\r\n", agent.head()).group(1)
text, digest = value.split(b"&digest=")
assert text == b"nusers=7&type=1&expire=1999999999", text
with open(f"{SCRATCH}/alice/cert.pem") as pem:
    der = ssl.PEM_cert_to_DER_cert(pem.read())
assert digest.decode() == hashlib.sha256(text + der).hexdigest()[:32], digest
SCRIPT
}

@test "relayagent logs those values in words" {
    customer alice 'nusers = 256' 'type = 1' 'expire = 2037-12-31'
    start_broker
    start_relay listen
    start_agent agent alice 127.0.0.1:1
    wait_until 60 says agent ' waiting relay=127.0.0.1 port=[0-9]+ nusers=256 type=forward until=2037-12-31T23:59:59Z$'
}

@test "what a section leaves out comes from [default], wherever that stands" {
    customer alice 'nusers = 7'
    printf '%s\n' '[default]' 'nusers = 3' 'type = 2' 'allow = no' >>customers
    start_broker
    start_relay listen
    play <<'SCRIPT'
agent = Peer("alice")
agent.send(POLL + b"\r\n")
answer = agent.head()
assert b"nusers=7&type=2&" in answer, answer
SCRIPT
}

only_alice() {
    play <<'SCRIPT'
for role, head in ("agent", POLL + b"\r\n"), ("stone", GET):
    peer = Peer("bob")
    peer.send(head)
    answer = peer.head()
    assert answer.startswith(b"HTTP/1.1 403 This customer is not allowed\r\n"), answer
works("alice")
SCRIPT
}

@test "with allow = no in [default] only those whom a section names get in" {
    customer alice
    printf '%s\n' '[default]' 'allow = no' >>customers
    through_each_spawner only_alice
}

@test "a customer with allow = no is kept out, whatever its certificate" {
    customer alice 'allow = no'
    start_broker
    start_relay listen
    play <<'SCRIPT'
agent = Peer("alice")
agent.send(POLL + b"\r\n")
assert agent.head().startswith(b"HTTP/1.1 403 "), agent.got
works("bob")
SCRIPT
}

two_certificates() {
    play <<'SCRIPT'
for a, b in ("alice", "alice2"), ("alice2", "alice"):
    agent = poll(a)
    client = stone(b)
    head_of_stone(agent)
    agent.send(OK)
    assert client.head() == OK
    agent.finish()
    client.finish()
# a stranger's agent is no help
agent = poll("bob")
client = stone("alice")
assert client.head().startswith(b"HTTP/1.1 503 "), client.got
SCRIPT
}

@test "an old and a new certificate of one customer meet, and no other" {
    printf '%s\n' '[alice]' "certificate = $(fingerprint alice)" \
        "certificate = $(openssl x509 -in alice2/cert.pem -noout -fingerprint -sha256 |
            sed 's/.*=//')" '[bob]' "certificate = $(fingerprint bob)" >customers
    configure 'match_timeout = 1'
    through_each_spawner two_certificates
}

@test "a customer for web requests alone may not forward ports, nor the other way round" {
    customer alice 'type = 2'
    customer bob 'type = 1'
    start_broker
    start_relay listen
    play <<'SCRIPT'
WEB = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"
for name, good, bad in ("alice", WEB, GET), ("bob", GET, WEB):
    agent = poll(name)
    client = stone(name, bad)
    answer = client.head()
    assert answer.startswith(b"HTTP/1.1 403 This customer's type does not include this\r\n"), answer
    client = stone(name, good)
    head_of_stone(agent)
    agent.send(OK)
    assert client.head() == OK
SCRIPT
}

@test "a reload moves, refuses and admits as the new table says" {
    customer alice
    start_broker
    start_relay listen
    start_play waiting <<'SCRIPT'
talk = session("bob")
quiet = session("carol")
agents = [poll("alice"), poll("bob"), poll("carol")]
at_point("connected")
assert agents[1].end() == "clean"   # bob: allow = no
assert talk[0].end() == "reset" and talk[1].end() == "reset"
assert agents[2].end() == "clean"   # carol: another customer from now on
assert agents[0].silent(0.5)        # alice: as before
quiet[0].send(b"still")
assert quiet[1].read(5) == b"still"
SCRIPT
    await_point waiting connected
    customer bob 'allow = no'
    customer carol
    go_on connected
    ctl reload
    ended_well waiting
    says broker ' kicked .* customer=default .* cause=not-allowed$'
    says broker ' kicked .* cause=customer-changed$'
}

@test "a bad table at a reload keeps the old one, and says so" {
    customer alice 'nusers = 1'
    start_broker
    start_relay listen
    echo 'nonsense' >>customers
    run -1 ctl reload
    [[ $output == *"$scratch/customers:4: not a line of the form key = value"* ]]
    says broker ' reload-failed .*error=.*customers:4:_not_a_line'
    [ "$(ctl --json customers | jq -r '.customers[] | select(.name == "alice").nusers')" -eq 1 ]
    sed -i '$d' customers
    sed -i 's/nusers = 1/nusers = 2/' customers
    ctl reload
    [ "$(ctl --json customers | jq -r '.customers[] | select(.name == "alice").nusers')" -eq 2 ]
}

# ---- relay-ca ----------------------------------------------------------------

ca() {
    "$built/relay-ca" -d "$scratch/own/ca" "$@"
}

own_ca() {
    mkdir own
    ca init >/dev/null
    ca server 127.0.0.1 >/dev/null
    cp own/ca/ca.pem own/ca/server/127.0.0.1/*.pem .
    configure 'customers = own/customers'
    sed -i '/^customers = customers$/d' relay.conf
}

# take_in NAME: its files, as they are now, come to the test's folder.
take_in() {
    rm -rf "$1"
    cp -r "own/ca/client/$1" .
    chmod 755 own
    give "$scratch"/*.pem "$1"
}

@test "relay-ca client with limits writes the section, and renew adds the new certificate to it" {
    own_ca
    ca client --nusers 7 --type 1 dora --expire 2037-12-31
    [ "$(stat -c %a own/customers)" = 644 ]
    diff own/customers - <<END
[dora]
certificate = $(openssl x509 -in own/ca/client/dora/cert.pem -outform DER | sha256sum | sed 's/^/sha256:/; s/ .*//')
nusers = 7
type = 1
expire = 2037-12-31
END
    # what is there already stays
    printf '\n# a note\n[other]\nnusers = 1\n' >>own/customers
    ca client --nusers 2 emil
    take_in dora
    start_broker
    start_relay listen
    start_play renewal <<'SCRIPT'
agent = poll("dora")
at_point("waiting")
client = stone("dora")     # with the new certificate
head_of_stone(agent)       # the old one
agent.send(OK)
assert client.head() == OK
SCRIPT
    await_point renewal waiting
    run -0 ca renew dora
    [[ $output == *'relayctl reload'* ]]
    take_in dora
    ctl reload
    [ "$(grep -c '^certificate' own/customers)" -eq 3 ]
    grep -x '# a note' own/customers
    go_on waiting
    ended_well renewal
    says broker ' paired .*customer=dora '
    [ "$(ctl --json customers | jq -r '.customers[] | select(.name == "emil").nusers')" -eq 2 ]
}

@test "relay-ca refuses limits that a broker would not take, before it issues anything" {
    own_ca
    run -65 ca client --nusers many dora
    run -65 ca client --nusers 1000000 dora
    run -65 ca client --type 4 dora
    run -65 ca client --expire soon dora
    run -65 ca client --expire 2037-13-01 dora
    run -65 ca client --nusers 1 default
    run -64 ca client --nusers
    run -64 ca client --users 1 dora
    printf '[d.ra]\n' >own/customers
    ca client --nusers 1 dora
    run -73 ca client --nusers 1 d.ra
    [ ! -e own/ca/client/d.ra ]
}

@test "without limits relay-ca leaves the table alone" {
    own_ca
    ca client dora
    ca renew dora
    [ ! -e own/customers ]
}
