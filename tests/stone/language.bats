#!/usr/bin/env bats
# relay-stone reads stone's language: every word of it that it serves, and each
# mistake is told with file and line. What it does not serve it refuses by name.
#
# shellcheck disable=SC1003,SC2016,SC2034,SC2154

load ../lib/helpers
load ../lib/stones

setup_file() {
    make_pki alice
}

setup() {
    prepare
    relay_port=443
}

# reads LINE...: with these lines after key, cert and CAfile it is content.
reads() {
    write_stone_conf good "$@"
    run "$scratch/bin/relay-stone" -t -C good.conf
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

# refuses LINE: REASON LINE...: the number of the line, counted from the first
# of these, that it complains of.
refuses() {
    local number=${1%:} reason=$2
    shift 2
    write_stone_conf bad "$@"
    run "$scratch/bin/relay-stone" -t -C bad.conf
    echo "$output"
    echo "wanted: relay-stone: bad.conf:$((number + 3)): $reason"
    [ "$status" -eq 78 ]
    [ "$output" = "relay-stone: bad.conf:$((number + 3)): $reason" ]
}

@test "comments of both kinds, quotes and blank lines are read as in stone" {
    reads '# a comment' '#another' '  # and one' '' '/* and of C' ' two lines */' \
        "$(to_relay 8080)" '# the end'
    reads '/* a */relay/* b */.example.org:443/ssl,http /* c */ 8080 "GET / HTTP/1.1" /* d */'
    reads "'relay.example.org:443/ssl,http'" '"8080"' '"GET / HTTP/1.1"'
    reads 'relay.example.org:443/ssl,http 8080 "GET /' ' HTTP/1.1" # the end'
    reads 'relay.example.org :443/ssl,http 8080 "GET / HTTP/1.1"'
    reads 'relay.example.org:443/ssl,http \' '8080 \' '  "GET / HTTP/1.1" -- \' ''
    reads "-q CAfile =$scratch/ca.pem" "$(to_relay 8080)"
    refuses 2: 'this comment has no end' '' '/* a' '' "$(to_relay 8080)"
    refuses 1: 'this quote has no end' 'relay.example.org:443/ssl,http 8080 "GET /' '' ''
    refuses 1: '# within a word: put it in quotes, or a space before it' 'relay.example.org:443#/ssl,http'
}

@test "what only the C preprocessor or the environment could give is refused" {
    refuses 1: '#define is for the C preprocessor, which is not served (a comment: # and a space)' \
        '#define RELAY relay.example.org:443' "$(to_relay 8080)"
    refuses 3: '#include is for the C preprocessor, which is not served (a comment: # and a space)' \
        '' "$(to_relay 8080)" '#include "other"'
    refuses 2: '$ is not served; write \$ for the sign' '' '-q key=$HOME/private.pem'
    refuses 1: '$ is not served here; write \$ for the sign' '-q "key=${HOME}/private.pem"'
    reads "-q 'servername=\$HOME'" "$(to_relay 8080)"
}

@test "places: every form that stone knows, and no other" {
    reads 'relay.example.org:https/ssl,http localhost:http-alt "GET / HTTP/1.1"'
    reads '[2001:db8::1]:443/ssl,http,v6 [::1]:8080 "GET / HTTP/1.1"'
    reads '2001:db8::1:443/http,ssl,v6,tcp ::1:8080/v6,tcp "GET / HTTP/1.1"'
    reads 'relay.example.org:443/ssl,http ./a/socket "GET / HTTP/1.1"'
    reads 'relay.example.org:443/ssl,http 8080/v6only "GET / HTTP/1.1"'
    refuses 1: 'relay.example.org: no port (write host:port)' 'relay.example.org/ssl,http 8080 "GET /"'
    refuses 1: 'relay.example.org:443: write /ssl,http behind the port' 'relay.example.org:443 8080 "GET /"'
    refuses 1: 'relay.example.org:443/ssl: write /ssl,http behind the port' 'relay.example.org:443/ssl 8080'
    refuses 1: '0: not a port' 'relay.example.org:0/ssl,http 8080 "GET /"'
    refuses 1: '65536: not a port' 'relay.example.org:443/ssl,http 65536 "GET /"'
    refuses 1: 'htps: neither a port nor a service'"'"'s name' 'relay.example.org:htps/ssl,http 8080 "GET /"'
    refuses 2: 'locahost: neither a port nor a service'"'"'s name' 'relay.example.org:443/ssl,http' 'locahost "GET /"'
    refuses 2: '80x: not a port' 'relay.example.org:443/ssl,http' 'localhost:80x "GET /"'
    refuses 1: '2001:db8::1:443: write a v6 address as [addr]:port' '2001:db8::1:443/ssl,http 8080 "GET /"'
    refuses 1: '/tmp/socket: a relay has no Unix socket' '/tmp/socket 8080 "GET /"'
    refuses 1: 'a proxy is not served' 'proxy 8080'
    refuses 1: 'a health is not served' 'health 8080'
    refuses 1: '/udp is not served for a relay' 'relay.example.org:443/udp 8080'
    refuses 1: '/sslx is not served for a relay' 'relay.example.org:443/sslx,http 8080 "GET /"'
    refuses 1: '/base is not served for a relay' 'relay.example.org:443/ssl,http,base 8080 "GET /"'
    refuses 1: '/ssl is not served where it listens' 'relay.example.org:443/ssl,http 8080/ssl "GET /"'
    refuses 1: '/udp is not served where it listens' 'relay.example.org:443/ssl,http 8080/v6,udp "GET /"'
    refuses 1: 'localhost%lo:8080: % and an interface are not served' 'relay.example.org:443/ssl,http localhost%lo:8080 "GET /"'
    refuses 1: 'it is not said where to listen' 'relay.example.org:443/ssl,http --'
    refuses 2: 'an earlier forward listens there' "$(to_relay 8080)" "$(to_relay 8080)"
}

@test "requests: the escapes that are served, and no other" {
    reads "relay.example.org:443/ssl,http 8080 'GET /\\a\\A\\n\\r\\t\\\\\\q HTTP/1.1'"
    refuses 1: 'no request behind the place to listen at, such as "GET / HTTP/1.1"' 'relay.example.org:443/ssl,http 8080 --'
    refuses 1: 'no request behind the place to listen at, such as "GET / HTTP/1.1"' 'relay.example.org:443/ssl,http 8080'
    refuses 2: 'the request is empty' 'relay.example.org:443/ssl,http 8080' '""'
    local c
    for c in d D u U g G 0 9 '?'; do
        refuses 1: "the escape \\$c in a request is not served" "relay.example.org:443/ssl,http 8080 'GET /\\$c'"
        refuses 1: "the escape \\$c in a request is not served" "relay.example.org:443/ssl,http 8080 \"GET /\\$c\""
    done
    local long
    long=$(head -c 8188 /dev/zero | tr '\0' x)
    reads "relay.example.org:443/ssl,http 8080 $long"
    refuses 1: 'the request is longer than 8192 bytes' "relay.example.org:443/ssl,http 8080 x$long"
}

@test "-q: each word that is served, forward by forward; any other is refused by name" {
    mkdir folder
    reads '-q sni' '-q verify' "-q CApath=folder" "-q servername=localhost" "$(to_relay 8080)" \
        '-q default' "-q key=alice/private.pem -q cert=alice/cert.pem" "$(to_relay 8081)"
    refuses 3: 'no -q key= before this forward' "$(to_relay 8080)" '-q default' "$(to_relay 8081)"
    refuses 3: 'no -q cert= before this forward' '-q default' '-q key=alice/private.pem' "$(to_relay 8081)"
    refuses 1: '-q verify,none: the relay'"'"'s certificate is always verified' '-q verify,none'
    refuses 1: 'no value behind -q key=' '-q key= alice/private.pem'
    refuses 2: 'no value behind -q' '' '-q'
    local word
    for word in verbose verify,once verify,ifany crl_check crl_check_all uniq re1=x depth=3 tls1 \
        no_tls1 ssl3 bugs serverpref sid_ctx=x passfilepat=x keypat=x certpat=x certkeypat=x pfx=x \
        pfxpat=x cipher=x lb1=2 shutdown=nowait ignore Key=x; do
        refuses 1: "not served: -q $word" "-q $word" "$(to_relay 8080)"
    done
    refuses 1: 'nowhere: No such file or directory' "-q key=nowhere" "$(to_relay 8080)"
    refuses 1: 'nowhere: No such file or directory' "-q cert=nowhere" "$(to_relay 8080)"
    refuses 1: 'nowhere: No such file or directory' "-q CAfile=nowhere" "$(to_relay 8080)"
    refuses 1: 'nowhere: No such file or directory' "-q CApath=nowhere" "$(to_relay 8080)"
    refuses 1: 'nowhere: No such file or directory' "-q passfile=nowhere" "$(to_relay 8080)"
    refuses 1: 'alice/cert.pem: no private key without a passphrase in it' "-q key=alice/cert.pem" "$(to_relay 8080)" || {
        refuses 1: 'alice/cert.pem: a key that others can read or write (mode 0644); chmod 600 it' \
            "-q key=alice/cert.pem" "$(to_relay 8080)"
    }
}

@test "-q re0= of the very name that is verified is served, with its \$, and any other is refused with why" {
    local word forward='relay.example.org:443/ssl,http 8080 "GET / HTTP/1.1"'
    for word in 're0=/CN=relay.example.org$' '"re0=/CN=relay\.example\.org$"' "'re0=/CN=Relay.Example.Org\$'"; do
        reads "-q $word" "$forward"
    done
    reads '-q servername=localhost' '-q re0=/CN=localhost$' "$forward"
    for word in '/CN=other.example.org$' /CN=relay.example /CN=relay.example.org '/CN=relay.example.org$$' '/CN=$' '/O=relay.example.org$' .; do
        refuses 1: "the relay's name, or that of -q servername=, is always verified: leave out -q re0=$word" \
            "-q 're0=$word'" "$forward"
    done
    # what does not end a word is of the environment
    refuses 1: '$ is not served; write \$ for the sign' '-q re0=/CN=$x'
    refuses 1: '$ is not served here; write \$ for the sign' '-q "re0=/CN=$x"'
    refuses 1: '$ is not served here; write \$ for the sign' '-q "re0=/CN=x$"y'
}

@test "options of stone: those that are served, and every other is refused by name" {
    reads '-nrl -d' "$(to_relay 8080)"
    reads -D "$(to_relay 8080)"
    local option
    for option in -z -p -Q -u -L -a -i -X -T -A -s -B -I -o -g -t -c -M -H -C -V -h -y; do
        refuses 2: "not served: $option" '' "$option word" "$(to_relay 8080)"
    done
    reads '-b 10 relay.example.org:443 other.example.org:443' "$(to_relay 8080)"
    refuses 2: '-b word: not a number of seconds' '' '-b word a:1 b:1' "$(to_relay 8080)"
    refuses 2: 'not three words behind -b' '' '-b 10'
    reads '-P ""' "$(to_relay 8080)"
    refuses 2: 'there is no preprocessor: leave out -P cpp' '' '-P cpp' "$(to_relay 8080)"
    refuses 1: 'no value behind -P' '-P'
    refuses 1: 'not served: --inetd' '--inetd' "$(to_relay 8080)"
    refuses 1: 'not served: -p' '-np' "$(to_relay 8080)"
}

@test "allowed hosts: what stands behind the slash, and names that are not known" {
    reads "$(to_relay 8080 10.0.0.0/8 192.0.2.1 ! 192.0.2.0/255.255.255.0 localhost/32,v4)"
    reads "$(to_relay 8080/v6 '2001:db8::/32' ::1/v6)"
    refuses 1: '/p1 is not served behind an allowed host' "$(to_relay 8080 10.0.0.0/8,p1)"
    refuses 1: '/255.0.255.0 is not served behind an allowed host' "$(to_relay 8080 10.0.0.0/255.0.255.0)"
    refuses 1: '/129 is not served behind an allowed host' "$(to_relay 8080 10.0.0.0/129)"
    refuses 1: '10.0.0.0: no such address or prefix' "$(to_relay 8080 10.0.0.0/33)"
    refuses 2: 'no.such.host.invalid: Name or service not known' 'relay.example.org:443/ssl,http 8080 "GET /"' 'no.such.host.invalid' || {
        refuses 2: 'no.such.host.invalid: Temporary failure in name resolution' 'relay.example.org:443/ssl,http 8080 "GET /"' 'no.such.host.invalid'
    }
    refuses 1: 'allowed hosts are nothing to a Unix socket' "$(to_relay ./socket 127.0.0.1)"
}

@test "the command line speaks the same language, before and after the file" {
    local options=(-q "key=alice/private.pem" -q "cert=alice/cert.pem" -q "CAfile=ca.pem")
    run bin/relay-stone -t "${options[@]}" relay.example.org:443/ssl,http 8080 'GET / HTTP/1.1' \
        10.0.0.0/8 -- -q default "${options[@]}" relay.example.org:443/ssl,http 8081 'GET / HTTP/1.1'
    [ "$status" -eq 0 ]
    # a trust that the file does not name, and a forward more
    printf '%s\n' '-q key=private.pem' '-q cert=cert.pem' \
        'relay.klab.org:443/ssl,http localhost:8080 "GET / HTTP/1.1" --' >alice/article.conf
    run bin/relay-stone -N -q CAfile=ca.pem -C alice/article.conf relay.example.org:443/ssl,http 8081 'GET /'
    [ "$status" -eq 0 ]
    run bin/relay-stone -t "${options[@]}" -C alice/article.conf relay.example.org:443/ssl,http 8080x 'GET /'
    [ "$output" = 'relay-stone: command line: 8080x: not a port' ]
    run bin/relay-stone -t -z cert=x -C alice/article.conf
    [ "$output" = 'relay-stone: command line: not served: -z' ]
    run bin/relay-stone -t -C alice/article.conf -C alice/article.conf
    [ "$output" = 'relay-stone: command line: -C is given twice' ]
    run bin/relay-stone -t -C nowhere
    [ "$output" = 'relay-stone: nowhere: No such file or directory' ]
    run bin/relay-stone -t "${options[@]}"
    [ "$status" -eq 78 ]
    [ "$output" = 'relay-stone: command line: no forward in it' ]
    run bin/relay-stone
    [ "$status" -eq 64 ]
    [[ $output == usage:* ]]
    run bin/relay-stone -V
    [ "$status" -eq 0 ]
    [[ $output == 'relay-stone '[0-9]* ]]
}

@test "the article's file works where its files are, and from elsewhere" {
    printf '%s\n' '-q key=private.pem' '-q cert=cert.pem' \
        'relay.klab.org:443/ssl,http localhost:8080 "GET / HTTP/1.1" --' >alice/article.conf
    (cd alice && "$scratch/bin/relay-stone" -t -C article.conf)
    (cd / && "$scratch/bin/relay-stone" -t -C "$scratch/alice/article.conf")
    # as with stone, the folder where it runs comes first
    mkdir elsewhere
    mv alice/article.conf elsewhere
    (cd alice && "$scratch/bin/relay-stone" -t -C ../elsewhere/article.conf)
}

@test "a file of noise is an error with its line, and no crash" {
    local i
    printf 'a\nb\0c' >bad.conf
    run bin/relay-stone -t -C bad.conf
    [ "$output" = 'relay-stone: bad.conf:2: NUL byte in the line' ]
    head -c 1048576 /dev/zero | tr '\0' ' ' >bad.conf
    run bin/relay-stone -t -C bad.conf
    [ "$output" = 'relay-stone: bad.conf: too long' ]
    for i in {1..65}; do to_relay "$((8000 + i))"; done >many
    refuses 65: 'too many forwards' "$(cat many)"
    write_stone_conf good "$(to_relay 8080 10.0.0.0/8 ! '"q\\\n"')" '/* c */ # d'
    python3 - "$(often 400)" <<'SCRIPT'
import random, re, subprocess, sys

random.seed(1)
good = open("good.conf", "rb").read()
pieces = [b"-q ", b"--", b'"', b"'", b"\\", b"/*", b"*/", b"#", b"$", b"\n", b" ", b"/", b":", b"!",
          b"=", b"key=", b"-x ", b"[", b"]", b"%", b"\xff", b"relay:443/ssl,http"]
for i in range(int(sys.argv[1])):
    text = bytearray(good)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(text) + 1)
        if random.random() < 0.5:
            text[at:at] = random.choice(pieces)
        else:
            del text[at:at + random.randint(1, 20)]
    with open("bad.conf", "wb") as file:
        file.write(text)
    done = subprocess.run(["bin/relay-stone", "-t", "-C", "bad.conf"], capture_output=True, timeout=60)
    assert done.returncode in (0, 78), (done, bytes(text))
    if done.returncode == 78:
        assert re.match(rb"relay-stone: bad\.conf(:\d+)?: .+\n\Z", done.stderr), (done, bytes(text))
SCRIPT
}
