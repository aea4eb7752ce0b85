#!/usr/bin/env bats
# relayagent's configuration: the article's file works, and whatever is wrong in
# a file is told by file and line.
#
# shellcheck disable=SC2030,SC2031,SC2154

load ../lib/helpers
load ../lib/forge

setup_file() {
    make_pki alice
    forge past 20200101000000Z 20210101000000Z clientAuth
}

setup() {
    prepare
    cp alice/*.pem .
}

article() {
    printf '%s\n' -n '-k private.pem' '-c cert.pem' relay.klab.org:443 intra:10080
}

check() {
    timeout 60 bin/relayagent -t -C agent.conf
}

@test "the file of the article is good, and so are its words on the command line" {
    article >agent.conf
    run -0 check
    [ -z "$output" ]
    run -0 bin/relayagent -t -n -k private.pem -c cert.pem relay.klab.org:443 intra:10080
    [ -z "$output" ]
}

@test "all that a file can say is good at once" {
    echo user:password >credentials
    chmod 600 credentials
    printf '%s\n' '# everything' '-k private.pem' '-c cert.pem' '-a ca.pem' '-m 3:12' \
        '-h intra:8080' '-x proxy:3128' '-X credentials' --proxy-protocol \
        r1.example.org:443 '[2001:db8::1]:https' 'db=[::1]:5432' 'socket=unix:/run/a=b' \
        unix:/run/web.sock >agent.conf
    run -0 check
    [ -z "$output" ]
}

# bad LINE PATTERN: as a line of the file it is an error there.
bad() {
    { article && echo "$1"; } >agent.conf
    run -78 check
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == "relayagent: agent.conf:6: "*"$2"* ]] || {
        echo "line $1 gives: $output"
        return 1
    }
}

@test "a bad line is named by file and line" {
    bad -z 'unknown option -z'
    bad - 'unknown option -'
    bad --proxy 'unknown option'
    bad '-n yes' '-n takes no value'
    bad '-C other.conf' 'unknown option -C'
    bad '--proxy-protocol yes' '--proxy-protocol takes no value'
    bad --max-streams '--max-streams has no value'
    bad -m '-m has no value'
    bad '-m 0' '-m 0: not 1 to 64 polls'
    bad '-m 65' 'not 1 to 64'
    bad '-m 3:2' 'the larger last'
    bad '-m 3:' 'not 1 to 64'
    bad '-m 3:99' 'not 1 to 64'
    bad '-m 3x' 'not 1 to 64'
    bad '-k private.pem' '-k is given twice'
    bad '-a none.pem' 'none.pem: No such file'
    bad '-a private.pem' 'private.pem: no certificate in it'
    bad '-h in tra' 'not a host'
    bad '-h in/tra' 'not a host'
    bad '-x proxy' 'proxy: no port'
    bad '-X none' 'none: No such file'
    bad intra 'intra: no port'
    bad intra:htps "htps: neither a port nor a service's name"
    bad intra:0 '0: not a port'
    bad 'intra:10080 # target' '10080 # target: not a port'
    bad db=intra:htps "htps: neither a port"
    bad '-x proxy:3128x' '3128x: not a port'
    bad ::1:80 'write a v6 address as'
    bad '=a:1' "a service's name is 1 to 63"
    bad 'a b=a:1' "a service's name is 1 to 63"
    bad 'a=b' 'b: no port'
    bad 'unix:relative' 'not an absolute path'
    bad "unix:/$(printf '%0200d' 0)" 'not an absolute path of at most 107 bytes'
}

@test "an expired certificate is an error of -t, and of nothing else" {
    cp past/*.pem .
    article >agent.conf
    run -78 check
    [[ $output == "relayagent: agent.conf:3: cert.pem: expired at 20"*"Z; by this host's clock it is 20"* ]]
    start agent bin/relayagent -C agent.conf
    wait_until 60 says agent ' expired what=certificate of=this_agent '
    stop agent
    run -78 bin/relay-stone -t -q key=private.pem -q cert=cert.pem relay:443/ssl,http 8080 'GET / HTTP/1.1'
    [[ $output == "relay-stone: command line: cert.pem: expired at "* ]]
}

@test "what contradicts itself is an error" {
    { article && printf '%s\n' a=a:1 A=b:2; } >agent.conf
    run -78 check
    [[ $output == *'agent.conf:7: A is named twice' ]]
    { article && printf '%s\n' unix:/a b:1; } >agent.conf
    run -78 check
    [[ $output == *"agent.conf:7: unix:/a can't be a relay; the target comes last" ]]
    { article && echo '-h intra'; } >agent.conf
    run -78 check
    [[ $output == *'agent.conf: -h is for the way to a web server, not for -n' ]]
    article | grep -v intra >agent.conf
    run -78 check
    [[ $output == *'agent.conf: no target:port' ]]
    { article && printf 'relay%d:443\n' {1..8}; } >agent.conf
    run -78 check
    [[ $output == *'agent.conf:13: more than 8 relays' ]]
}

@test "a file of random bytes, or with random faults, is an error with its line" {
    article >good.conf
    printf '%s\n' '-m 2:8' '-h intra' '-x p:1' '--proxy-protocol' 'db=d:1' 'u=unix:/u' >>good.conf
    run -0 timeout 500 python3 - "$scratch" "$(often 600)" <<'SCRIPT'
import random, re, subprocess, sys

folder = sys.argv[1]
good = open(f"{folder}/good.conf", "rb").read()
seed = random.randrange(1 << 32)
print("seed", seed)
random.seed(seed)


def mutated():
    data = bytearray(good)
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(len(data))
        what = random.randrange(5)
        if what == 0:
            data[at] = random.randrange(256)
        elif what == 1:
            data[at:at] = random.randbytes(random.randrange(1, 20))
        elif what == 2:
            del data[at : at + random.randrange(1, 10)]
        elif what == 3:
            data[at:at] = random.choice([b"\n", b"=", b":", b"[", b"]", b"unix:", b"-", b"%s%n", b"\0", b"A" * 5000])
        else:
            other = random.randrange(len(data))
            data[at:at] = data[other : other + random.randrange(40)]
    return bytes(data)


good_ones = 0
for i in range(int(sys.argv[2])):
    data = random.randbytes(random.randrange(1, 3000)) if i % 4 == 0 else mutated()
    with open(f"{folder}/fuzz.conf", "wb") as file:
        file.write(data)
    done = subprocess.run([f"{folder}/bin/relayagent", "-t", "-C", "fuzz.conf"], capture_output=True, timeout=60)
    if done.returncode == 0:
        good_ones += 1
        continue
    said = done.stderr.decode()
    if done.returncode != 78 or done.stdout or not re.fullmatch(r"relayagent: fuzz\.conf(:\d+)?: [ -~]+\n", said):
        print("failed:", done.returncode, said, data)
        sys.exit(1)
print("good all the same:", good_ones)
SCRIPT
}
