#!/usr/bin/env bats
# What the documentation lists is what the sources have.
#
# shellcheck disable=SC2016,SC2154

load ../lib/helpers

load ../lib/docs

setup_file() {
    make_pki laptop
}

setup() {
    prepare
    pages=("$root"/man/*.?)
}

# ---- the pages ----------------------------------------------------------------

@test 'mandoc finds nothing to warn of' {
    need_mandoc
    mandoc -T lint -W warning "${pages[@]}"
}

@test 'each program, its file and the protocol have a page, and README names it' {
    local name
    for name in "$built"/relay*; do
        ls "$root/man/${name##*/}".[18]
    done
    for name in "${pages[@]##*/}"; do
        grep -qF "${name%.*}(${name##*.})" "$root/README.md"
    done
}

@test 'each page has the sections of a manual' {
    local page name
    for page in "${pages[@]}"; do
        echo "$page"
        for name in NAME DESCRIPTION EXAMPLES 'SEE ALSO'; do
            grep -qx "\.Sh $name" "$page"
        done
        [[ $page != *.[18] ]] || grep -qx '\.Sh EXIT STATUS' "$page"
        [[ $page != *.[18] ]] || grep -qx '\.Sh SYNOPSIS' "$page"
        [[ $page == *.7 ]] || grep -qx '\.Sh FILES' "$page"
        [[ $page == *.7 ]] || grep -qx '\.Sh TROUBLESHOOTING' "$page"
    done
}

@test 'each page that another or README names exists' {
    python <<'END'
others = """openssl(1) ssh(1) sslscan(1) stone(1) systemd(1) tar(1) testssl(1) valgrind(1) connect(2) memfd_create(2) seccomp(2) shutdown(2) socket(2) splice(2) sd_notify(3) syslog(3) sysexits(3) unix(7)
    cron(8) inetd(8) sshd(8) xinetd(8)""".split()
known = {"%s(%s)" % tuple(os.path.basename(page).rsplit(".", 1)) for page in PAGES}
for page in PAGES:
    for name, number in re.findall(r"^\.Xr (\S+) (\d)", text(page), re.M):
        assert f"{name}({number})" in known.union(others), f"{page}: {name}({number})"
for name in re.findall(r"\brelay[a-z.-]*\(\d\)", text("README.md")):
    assert name in known, f"README: {name}"
for path in SOURCES + names("**/*.h") + names("broker/relay.conf") + names("xinetd.d/*"):
    for name in re.findall(r"\brelay[a-z.-]*\(\d\)", text(path)):
        assert name in known, f"{path}: {name}"
END
}

@test 'README says of every folder what lies there' {
    local folder
    for folder in "$root"/*/; do
        folder=$(basename "$folder")
        grep -q "^| .$folder/. " "$root/README.md"
    done
}

@test 'what README, CONTRIBUTING and the notes on benchmarks name of this project exists' {
    python <<'END'
targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
for page in "README.md", ".github/CONTRIBUTING.md", "tests/bench/README.md":
    prose = re.sub(r"^```.*?^```$", "", text(page), flags=re.M | re.S)
    for path in re.findall(r"`((?:bin|broker|handlers|man|tests|xinetd\.d|\.ci|\.github)/[\w./-]*)`", prose):
        if "NAME" not in path:
            assert os.path.exists(f"{ROOT}/{path}"), f"{page}: {path}"
    for target in re.findall(r"\bmake ([a-z-]+)", " ".join(re.findall(r"`[^`]+`", prose) + re.findall(r"^make .*", text(page), re.M))):
        assert target in targets, f"{page}: make {target}"
END
}

@test 'the two commands of README name targets that there are' {
    local target
    for target in $(sed -n 's/^    apt-get .* && make //p' "$root/README.md") help deps-build install; do
        env -u MAKEFLAGS make -C "$root" -n "$target" >/dev/null
    done
}

@test 'each package ends all units of its own at a removal, and starts services again at an upgrade' {
    python <<'END'
for part in "relay", "agent", "stone":
    units = re.search(rf"^{part}_UNITS = ((?:.*\\\n)*.*)", text("Makefile"), re.M).group(1)
    for path in units.replace("\\", " ").split():
        name = os.path.basename(path).replace("@.", "@*.")
        if "Type=oneshot" in text(path) or "StandardInput=socket" in text(path):
            continue # a timer or a socket starts it, and it ends by itself
        assert name in text(f".debian/vpn-warp-{part}.prerm"), f"{part}: {name}"
        if name.endswith(".service"):
            assert name in text(f".debian/vpn-warp-{part}.postinst"), f"{part}: {name}"
END
}

# ---- what they list -----------------------------------------------------------

@test 'a SYNOPSIS fits a line and is what the program prints' {
    need_mandoc
    local program help
    for program in relay-broker relay-handler relay-handoff relay-keyd relay-listen relay-peer relay-presence relayagent relay-stone; do
        echo "$program"
        # relay-stone names an option that it does not know, as for a file
        [ "$program" = relay-stone ] && help=-h || help='-?'
        run -64 --separate-stderr "$scratch/bin/$program" "$help" </dev/null
        diff <(sed -n 's/^usage: / /; s/:port//g; s/^ *\('"$program"' .*\)/\1/p' <<<"$stderr") \
            <(mandoc -T ascii -O width=80 "$root/man/$program".[18] | col -b |
                sed -n '/^SYNOPSIS/,/^DESCRIPTION/s/^ *\(.*[a-z.]\]*\)$/\1/p')
    done
}

@test 'each option has its entry, and each entry its option' {
    python <<'END'
letters = {}
for path in SOURCES:
    name = os.path.basename(path)[:-2]
    for found in re.findall(r'relay_program_options\(\s*argc, argv, NAME, "(.*?)"\)', text(path)):
        letters[name] = found
letters["relayagent"] = "".join(re.findall(r'define LETTERS\w*\s+"(.*?)"', text("bin/agent/command_line.c")))
language = text("bin/stone/conf_options.c")
letters["relay-stone"] = "".join(re.findall(r"case '(.)':", language)) + "".join(
    letter + ":" for letter in re.search(r'strchr\("(\w+)", \*p\)', language).group(1) + "C")
assert len(letters) == 9, letters
for name, found in letters.items():
    page = os.path.basename(names(f"man/{name}.[18]")[0])
    options = re.findall(r"^\.It Fl (\w)( Ar)?", section(page, "DESCRIPTION"), re.M)
    same(page, {letter + (":" if value else "") for letter, value in options},
         set(re.findall(r"\w:?", found)))
END
}

@test 'log lines: events and their keys are those of the sources' {
    python <<'END'
def arguments(source, at):
    """The arguments of the call whose parenthesis is at source[at - 1]."""
    depth, quoted, out = 1, False, [""]
    while depth:
        c = source[at]
        if quoted:
            quoted = c != '"' or source[at - 1] == "\\"
        elif c == '"':
            quoted = True
        elif c == "," and depth == 1:
            out.append("")
            at += 1
            continue
        depth += not quoted and (c in "([{") - (c in ")]}")
        out[-1] += c
        at += 1
    return [re.sub(r"\s+", " ", argument).strip() for argument in out]

# A server that forks names its children itself.
forker = "handlers/fork/forker.c"

def in_words_of(paths, source):
    """The forker's source with the words of the program that is made of paths."""
    own = dict(re.findall(r'\.(\w+) = ("[a-z-]+"),', "".join(map(text, paths))))
    return re.sub(r"f->words->(\w+)", lambda word: own[word.group(1)], source)

def events(paths):
    """Each event that they log, with all its keys."""
    out = {}
    for path in paths:
        source = text(path)
        if path == forker:
            source = in_words_of(paths, source)
        for call in re.finditer(r"\blog_event\((?!int )", source):
            args = arguments(source, call.end())
            keys = {re.fullmatch(r'"(.*)"', key).group(1) for key in args[2:-1:2]}
            words = re.findall(r'"([a-z-]+)"', args[1])
            assert words and len(args) % 2 == 1, (path, args)
            for word in words:
                out[word] = out.get(word, set()) | keys
    return out

def documented(page):
    out = {}
    for word, keys in re.findall(r"^\.It Cm (\S+)(?: Va (.*))?$", section(page, "LOG LINES"), re.M):
        assert word not in out, (page, word)
        out[word] = set(keys.split())
    return out

expiry = "handlers/tls/expiry.c"
listen = [forker, "handlers/relay-listen.c"] + [f"handlers/spawn/{name}.c" for name in ("arrivals", "child", "listen_sandbox", "pool", "reload", "spawner")]
handoff = ["handlers/relay-handoff.c"]
keyd = names("handlers/keyd/*.c") + ["handlers/relay-keyd.c"]
peer = names("handlers/peer/*.c") + ["handlers/relay-peer.c"]
presence = names("handlers/presence/*.c") + ["handlers/relay-presence.c"]
stone = names("bin/stone/*.c") + ["bin/relay-stone.c"]
programs = {
    "relay-broker.8": names("broker/**/*.c"),
    "relay-listen.8": listen,
    "relay-handler.8": [path for path in names("handlers/**/*.c") if path not in listen + handoff + keyd + peer + presence + [expiry]],
    "relay-handoff.8": handoff,
    "relay-keyd.8": keyd,
    "relay-peer.8": peer,
    "relay-presence.8": presence,
    "relayagent.1": [expiry] + [path for path in names("bin/**/*.c") if path not in stone],
    "relay-stone.1": stone,
}
assert sorted(sum(programs.values(), [])) == sorted(SOURCES)
for page, paths in programs.items():
    # what it calls of the parts that all programs share
    if any("sandbox_filter(" in text(path) for path in paths):
        paths = set(paths) | {"broker/sandbox/sandbox.c"}
    if any("forker_run(" in text(path) for path in paths):
        paths = set(paths) | {forker}
    if any("expiry_check(" in text(path) for path in paths):
        paths = set(paths) | {expiry}
    same(page, {k: tuple(sorted(v)) for k, v in documented(page).items()},
         {k: tuple(sorted(v)) for k, v in events(paths).items()})
END
}

@test 'log lines: the words of results and reasons are those of the sources' {
    python <<'END'
def words(page, event):
    entry = re.search(rf"^\.It Cm {event} .*?(?=^\.It Cm |^\.El\n\.Sh |\Z)", section(page, "LOG LINES"), re.M | re.S)
    return set(re.findall(r"^\.It Li (\S+)", entry.group(0), re.M))

def body(path, start):
    found = re.search(re.escape(start) + r".*?^}", text(path), re.M | re.S)
    return set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', found.group(0)))

same("session", words("relay-broker.8", "session"), body("broker/session.c", "reason_word("))
same("matched", words("relay-handler.8", "matched"), body("handlers/connection/head_delivery.c", "head_delivery_word("))
ends = set(re.findall(r'\{END_\w+, "([a-z-]+)"\}', text("handlers/connection/splicing.c")))
same("end", words("relay-handler.8", "end"), ends)
END
}

@test 'log lines: the reasons that pages quote are those of the sources' {
    python <<'END'
sources = "".join(text(path) for path in SOURCES)
for page in PAGES:
    lines = re.search(r"^\.Sh LOG LINES\n(.*?)(?=^\.Sh |\Z)", text(page), re.M | re.S)
    for quoted in re.findall(r"^\.Ql (the_\S+)", lines.group(1), re.M) if lines else ():
        assert '"' + quoted.replace("_", " ") in sources, f"{page}: {quoted}"
END
}

@test 'the sentences that TROUBLESHOOTING quotes are those of the sources' {
    python <<'END'
# a sentence may go over lines
sources = re.sub(r'"\s*"', "", "".join(text(path) for path in SOURCES + ["bin/relay-ca"] + names("bin/ca/*.sh")))
quoted = 0
for page in PAGES:
    part = re.search(r"^\.Sh TROUBLESHOOTING\n(.*?)(?=^\.Sh |\Z)", text(page), re.M | re.S)
    for sentence in re.findall(r"^\.Dq (.*?)(?: [:;,.])?$", part.group(1), re.M) if part else ():
        assert sentence in sources, f"{page}: {sentence}"
        quoted += 1
assert quoted >= 8, quoted
END
}

@test 'relay.conf: the keys of page, sample and sources are the same' {
    python <<'END'
source = text("broker/config/relay_conf_keys.c")
keys = set(re.findall(r'\{"(\w+)", &c->', source) + re.findall(r'strcmp\(key, "(\w+)"\)', source))
assert len(keys) > 10, keys
same("relay.conf.5", re.findall(r"^\.It Cm (\w+) =", section("relay.conf.5", "DESCRIPTION"), re.M), keys)
same("broker/relay.conf", re.findall(r"^#?(\w+) = ", text("broker/relay.conf"), re.M), keys)
END
}

@test 'relay.conf: what the sample gives as defaults are the defaults' {
    python <<'END'
source = text("broker/config/relay_conf.c")
for key, value in re.findall(r"^#(\w+) = (.*)", text("broker/relay.conf"), re.M):
    if key in ("key", "token_folder", "crl", "group", "customers", "admin_group", "admin", "handoff", "keyd", "proxy_from") or key.startswith(("peer", "presence")):  # none, and the user's own
        continue
    value = value.replace(".", "") if key == "tls_min" else value
    value = "CRL_EXPIRED_" + value.upper() if key == "crl_expired" else value
    value = "BARE_" + value.upper() if key == "bare" else value
    value = "PROOF_" + value.upper() if key == "proof" else value
    given = f'"{value}"' if key in ("socket", "user", "handler_user", "keyd_user") else value
    assert re.search(rf"&?c->{key}(, | = ){re.escape(given)}[);]", source), (key, value)
END
}

@test 'refusals: statuses and reasons are those of the sources' {
    python <<'END'
real = set()
for path in names("broker/**/*.c") + names("handlers/**/*.c"):
    source = text(path)
    real |= set(re.findall(r'refuse\(\s*[\w>-]+,(?:\s*\w+,){0,2}\s*(\d+),\s*"(.*?)"\)', source))
    real |= set(re.findall(r'= \{(\d+), "(.*?)"\}', source))
    real |= set(re.findall(r'evict_kick\(\s*b, c, (\d+),\s*"(.*?)",', source))
    real |= set(re.findall(r'end_with\(\s*h, END_\w+, (\d+), "(.*?)"\)', source))
    real |= {("400", reason) for reason in re.findall(r'return "(.* in the request head)";', source)}
documented = set()
for part in re.split(r"^\.It Li (?=\d)", section("relay-protocol.7", "Refusals"), flags=re.M)[1:]:
    documented |= {(part[:3], reason) for reason in re.findall(r'^\.Li "(.*?)"', part, re.M)}
assert len(real) > 15, real
same("refusals", documented, real)
END
}

@test 'relay-protocol: the numbers are those of the sources' {
    python <<'END'
def constant(name):
    """What a macro amounts to; it may consist of others."""
    for path in names("**/*.[ch]"):
        found = re.search(rf"^#define\s+{name}\s+(.+?)\s*(/\*.*)?$", text(path), re.M)
        if found:
            return eval(re.sub(r"[A-Z]\w+", lambda m: str(constant(m.group())), found.group(1)))
    raise AssertionError(f"no {name}")

protocol = " ".join(re.sub(r"^\.\w+ ?", "", text("man/relay-protocol.7"), flags=re.M).split())
for name, phrase in (
    ("HEAD_MAX_BYTES", "has at most {} bytes, with the empty lines"),
    ("HEAD_MAX_BYTES", "{} bytes a request head"),
    ("HEAD_MAX_LINES", "at most {} lines, without"),
    ("HEAD_MAX_LINES", "{} lines a request head"),
    ("HEAD_FORWARD_MAX", "This head has at most {} bytes"),
    ("MESSAGE_DER_MAX", "has at most {} bytes in DER"),
    ("MESSAGE_DER_MAX", "{} bytes a client certificate"),
    ("PAIRING_AGENTS_MAX", "{} polls that wait"),
    ("HOP_HEAD_MAX", "up to {} bytes of payload"),
    ("HOP_RING_BYTES", "two rings of {} bytes"),
    ("REPLY_RETRY_AFTER", "Retry-After: {} "),
    ("AGENT_ACK_MS / 1000", "gives it {} seconds"),
    ("AGENT_ACK_MS / 1000", "{} s for an agent to acknowledge"),
    ("KEEPALIVE_MS / 1000", "one every {} seconds"),
    ("KEEPALIVE_MS / 1000", "{} s between the keep-alives"),
    ("LINGER_MS / 1000", "for up to {} seconds, so that the refusal"),
    ("LINGER_MS / 1000", "{} s for a refused client"),
    ("COMEBACK_EACH_MS", "{} ms for each on average"),
    ("HANDLER_SEND_MS / 1000", "{} s for a client to take an answer"),
):
    macro, *scale = name.split(" / ")
    value = constant(macro) // int(*scale or [1])
    assert phrase.format(value) in protocol, (name, phrase.format(value))
END
}

@test 'relay-protocol: messages and packets are those of the headers' {
    python <<'END'
inside = section("relay-protocol.7", "Inside the relay")
same("message.h", re.findall(r"^\.It ([A-Z_]+)$", inside, re.M),
     re.findall(r"^\tMESSAGE_([A-Z_]+)(?: = 1)?,", text("broker/ipc/message.h"), re.M))
same("hop.h", re.findall(r"^\.It Li (\w)$", inside, re.M),
     re.findall(r"HOP_[A-Z]+ = '(\w)'", text("handlers/channel/hop.h")))
END
}

@test 'relay-internals: each function of a journey is where the page says' {
    python <<'END'
def has(path, function):
    """Whether it is defined there: at the start of a line."""
    return re.search(rf"^{function}\(", text(path), re.M)

def complaint(path, function):
    there = os.path.exists(f"{ROOT}/{path}")
    if there and has(path, function):
        return None
    others = [other for other in SOURCES if has(other, function)]
    return (f"{path} has no {function}(): " if there else f"there is no {path}, of {function}(): ") + (
        ", ".join(others) + " has that" if others else "no file has that")

page = text("man/relay-internals.7")
journeys = re.findall(r"^\.Ss The journey of (.*?)\n(.*?)(?=^\.S[sh] )", page, re.M | re.S)
assert len(journeys) == 7, [title for title, _ in journeys]
wrong = []
for title, steps in journeys:
    items = re.findall(r"^\.It (.*)", steps, re.M)
    assert len(items) > 5, title
    for item in items:
        step = re.fullmatch(r"Pa (\S+) : Fn (\w+)", item)
        wrong.append(complaint(*step.groups()) if step else f"not a file and a function: {item}")
for function in re.findall(r"^\.Fn (\w+)", page, re.M):
    if not any(has(path, function) for path in SOURCES):
        wrong.append(f"no file has {function}()")
for path in re.findall(r"^\.Pa (\S+/\S+)", page, re.M):
    if not os.path.exists(f"{ROOT}/{path}"):
        wrong.append(f"there is no {path}")
wrong = [line for line in wrong if line]
print("\n".join(f"relay-internals.7: {line}" for line in wrong))
assert not wrong
END
}

@test 'exit statuses are those that the pages list' {
    needs_plain 'what relay-handoff starts, without an environment, looks for leaks'
    # status COMMAND...: what it exits with, which its page lists.
    status() {
        local want=$1 page
        shift
        echo "$want: $*"
        run -"$want" "$@" </dev/null
        [ "$1" != on_socket ] || shift
        page=$(echo "$root/man/${1##*/}".[18])
        [ "$want" -eq 0 ] || grep -qx "\.It $want" "$page"
    }
    # on_socket COMMAND...: with one as its fd 0.
    on_socket() {
        python3 -c 'import socket, subprocess, sys
ours, theirs = socket.socketpair()
sys.exit(subprocess.run(sys.argv[1:], stdin=theirs, timeout=60).returncode)' "$@"
    }
    local program
    start_broker
    for program in "$scratch"/bin/relay-{broker,listen,handler,handoff}; do
        status 0 "$program" -V
        status 0 "$program" -t -c relay.conf
        status 64 "$program" extra
        status 78 "$program" -c missing.conf
        echo 'no = such' >bad.conf
        status 78 "$program" -c bad.conf
        [[ $output == *bad.conf:1:* ]]
    done
    for program in "$scratch"/bin/relay-{broker,listen}; do
        status 78 "$program" -D -c missing.conf
        if is_root; then
            sed 's/^user.*/user = nobody-at-all/' relay.conf >stranger.conf
            status 67 "$program" -c stranger.conf
            sed 's/^user.*/user = root/' relay.conf >root.conf
            status 78 "$program" -c root.conf
        fi
    done
    status 69 "$scratch/bin/relay-broker" -c relay.conf
    start_keyd
    program=$scratch/bin/relay-keyd
    status 0 "$program" -V
    status 0 "$program" -t -c relay.conf
    status 64 "$program" extra
    status 69 "$program" -c relay.conf
    status 78 "$program" -D -c missing.conf
    if is_root; then
        sed 's/^keyd_user.*/keyd_user = nobody-at-all/' relay.conf >stranger.conf
        status 67 "$program" -c stranger.conf
    fi
    start_relay listen
    status 69 "$scratch/bin/relay-listen" -c relay.conf
    for program in "$scratch"/bin/relay-{handler,handoff}; do
        status 64 "$program" -c relay.conf
        if is_root; then
            status 77 on_socket "$program" -c relay.conf
        fi
    done
    mkdir lonely
    cp "$scratch/bin/relay-handoff" lonely
    status 71 lonely/relay-handoff -c relay.conf
    status 0 "$scratch/bin/relayagent" -V
    status 64 "$scratch/bin/relayagent"
    status 78 "$scratch/bin/relayagent" -C missing.conf
    status 0 "$scratch/bin/relay-stone" -V
    status 64 "$scratch/bin/relay-stone"
    status 78 "$scratch/bin/relay-stone" -C missing.conf
    status 78 "$scratch/bin/relay-stone" --inetd --stdio -C missing.conf
    printf '%s\n' '-q key=laptop/private.pem' '-q cert=laptop/cert.pem' \
        "127.0.0.1:1/ssl,http 127.0.0.1:$relay_port \"GET / HTTP/1.1\" ! 127.0.0.1" >stone.conf
    status 0 "$scratch/bin/relay-stone" -t -C stone.conf
    status 69 "$scratch/bin/relay-stone" -C stone.conf
    status 64 "$scratch/bin/relay-stone" --inetd -C stone.conf
    status 77 on_socket "$scratch/bin/relay-stone" --inetd -C stone.conf
    status 75 "$scratch/bin/relay-stone" --stdio -C stone.conf
    sed -i 's/ ! .*//' stone.conf
    status 75 on_socket "$scratch/bin/relay-stone" --inetd -C stone.conf
    stop relay
    stop broker
}
