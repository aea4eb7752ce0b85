#!/usr/bin/env bats
# The status page at /KLAB/: who sees what, and how a browser shows it. SHOTS: a
# folder, for pictures of it.
#
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

load ../lib/helpers
load ../lib/customers
load ../lib/chromium

setup_file() {
    make_pki alice bob carol dave
}

setup() {
    prepare
    no_customers
    customer alice 'nusers = 5' 'expire = 2037-12-31'
    customer bob
    configure "admin = $(fingerprint dave)"
    start_broker
    start_relay listen
}

# data_of NAME: what its page is told.
data_of() {
    s_client "$1" -quiet <<<$'GET /KLAB/ HTTP/1.1\nAccept: application/json\n' | grep '^{' >data.json
}

# sees NAME JQ: waits until that is so of what it sees; of is the rows of a kind.
sees() {
    wait_until 60 data_is "$@" || {
        cat data.json
        return 1
    }
}

data_is() {
    data_of "$1" && jq -e "def of(k): [.rows[] | select(.kind == k)]; $2" data.json >/dev/null
}

# busy: sessions and polls of all; it ends at go_on busy.
busy() {
    start_play busy <<'SCRIPT'
agent, client = session("alice")
client.send(b"u" * 500000)
agent.read(500000)
others = [session("bob"), session("carol")]
waiting = [poll(name) for name in ("alice", "alice", "bob", "carol")]
hostile = Peer("alice")
hostile.send(b"GET /KLAB/poll HTTP/1.1\r\nX-Ver: 2 <img/src=x/onerror=document.title='hurt'>\r\n\r\n")
hostile.head()
stone("alice", b"GET /KLAB/x HTTP/1.1\r\n\r\n").rest()
stone("carol", b"GET /KLAB/y HTTP/1.1\r\n\r\n").rest()
ended = threading.Event()
def pump():
    while not ended.wait(0.1):
        client.send(b"u" * 60000)
        agent.read(60000)
threading.Thread(target=pump, daemon=True).start()
at_point("busy")
ended.set()
SCRIPT
    await_point busy busy
}

@test "each sees its own customer, and the administrator's certificate all" {
    busy
    sees alice '(.all | not) and (of("customer") | length == 1) and (of("customer")[0] |
        .name == "alice" and .agents == 3 and .sessions == 1 and .nusers == 5 and .up_total > 500000)
        and (of("agent") | length == 3 and all(.customer == "alice")) and (of("session") | length == 1)
        and (of("refusal") | length == 1 and .[0].status == 404)'
    sees bob '(of("customer") | length == 1) and of("customer")[0].name == "bob"
        and (of("agent") | length == 1) and (of("session") | length == 1) and (of("refusal") | length == 0)'
    # without a section it sees its own, and not what others like it have used
    sees carol '(of("customer")[0] | .name == "default" and .agents == 1 and .sessions == 1
        and .up_total == 0 and .sessions_total == 0) and (of("agent") | length == 1)
        and (of("refusal") | length == 1)'
    sees dave '.all and (of("customer") | length == 3) and (of("agent") | length == 5)
        and (of("session") | length == 3) and (of("refusal") | length >= 2)'
    go_on busy
    ended_well busy
}

@test "the page is for GET and its own path, and of one who is not allowed it says so" {
    : >customers
    customer alice 'allow = no'
    ctl reload
    sees alice 'of("customer")[0].allow == 0'
    run -0 s_client alice <<<$'GET /KLAB/ HTTP/1.1\n'
    [[ $output == *'HTTP/1.1 200 OK'* ]]
    [[ $output == *"Content-Security-Policy: default-src 'none'; script-src 'sha256-"* ]]
    [[ $output == *'X-Content-Type-Options: nosniff'* ]]
    [[ $output == *'<!DOCTYPE html>'*'</html>'* ]]
    # nothing that would be fetched from elsewhere, nor run from here but the script
    not grep -E 'https?:|//|url\(|innerHTML|<[^>]* on[a-z]+=' "$tests/../handlers/http/page.html"
    run s_client alice <<<$'POST /KLAB/ HTTP/1.1\n'
    [[ $output == *'403 This customer is not allowed'* ]]
    stop broker
    run -0 s_client alice <<<$'GET /KLAB/ HTTP/1.1\nAccept: application/json\n'
    [[ $output == *'HTTP/1.1 503 The relay is restarting'* ]]
    start_broker
}

@test "who asks too often gets 429, and the broker has time for others" {
    play <<'SCRIPT'
answers = []
def ask(_):
    for _ in range(5):
        peer = Peer("alice")
        peer.send(b"GET /KLAB/ HTTP/1.1\r\nAccept: application/json\r\n\r\n")
        answers.append(peer.head().split(b"\r\n")[0])
in_threads(ask, *range(8))
assert b"HTTP/1.1 200 OK" in answers and b"HTTP/1.1 429 The page is asked for too often" in answers, answers
SCRIPT
}

@test "admin in relay.conf is a fingerprint" {
    configure 'admin = dave'
    run -78 bin/relay-broker -t -c relay.conf
    [[ $output == *': admin: dave is not sha256:<64 hex digits>' ]]
}

# shot NAME: where its picture goes.
shot() {
    echo "${SHOTS:-$scratch}/$1.png"
}

@test "a browser shows the page, which draws itself anew, at any width" {
    needs_chromium
    busy
    make_store alice
    start_browser "https://127.0.0.1:$relay_port/KLAB/"
    look <<SCRIPT
page = Page()
page.size(360, 1100)
until(lambda: "All is well." in page.text())
assert page.evaluate("document.title") == "Relay: alice"
text = page.text()
for expected in ("3\nagents wait", "1 / 5\nlive sessions", "days left", "404 Below /KLAB/ there is only poll",
                 "the client asks for what the relay does not serve"):
    assert expected in text, (expected, text)
# what a client calls itself is text
assert "<img/src=x/onerror=documen" in text, text
assert page.evaluate("document.images.length") == 0
# the rate moves, and is drawn
until(lambda: page.evaluate("document.querySelector('#plot path').getAttribute('d').split('L').length") > 3)
until(lambda: "KB/s, at most" in page.text())
assert page.evaluate("document.documentElement.scrollWidth") == 360
page.screenshot("$(shot page-360)")
page.size(1200, 900)
page.screenshot("$(shot page-1200)")
page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
page.screenshot("$(shot page-dark)")
# a script that is not its own does not run
page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = 1'}))")
assert page.evaluate("document.title") == "Relay: alice"
SCRIPT
    stop broker KILL || :
    look <<'SCRIPT'
page = Page()
until(lambda: "No answer (The relay is restarting). It is asked again." in page.text())
SCRIPT
    start_broker
    look <<'SCRIPT'
page = Page()
until(lambda: "All is well." in page.text())
SCRIPT
    go_on busy
    ended_well busy
}

# many COUNT: so many agents, until fd 9 is closed; "many" is their name.
many() {
    mkfifo hold
    start many stand_for_handlers hold "$scratch/broker.sock" "$1" "$relay_user"
    exec 9>hold
    wait_until 60 says many '^registered$'
}

stand_for_handlers() {
    local hold=$1
    shift
    exec python3 -SB "$tests/lib/handlers.py" "$@" <"$hold"
}

shows_many() {
    many "$1"
    make_store dave
    start_browser "https://127.0.0.1:$relay_port/KLAB/" 9>&-
    look <<SCRIPT
page = Page()
page.size(1000, 1200)
# agents that come and are matched at once are some more
wait = "parseInt(document.querySelector('#cards b').textContent)"
until(lambda: page.text().startswith("Relay: all customers") and $1 <= page.evaluate(wait) <= $1 + 2)
rows = page.evaluate("document.querySelectorAll('#agents tr').length") - 1
assert min($1, 99) <= rows <= 100, rows
assert ("and %d more" % ($1 - 100) in page.text()) or $1 <= 100 or "more" in page.text()
page.screenshot("$(shot "page-many-$1")")
SCRIPT
    local before
    before=$(grep -c '^paired' many.log)
    wait_until 60 paired_since "$before"
    exec 9>&-
    await_end many
}

paired_since() {
    [ "$(grep -c '^paired' many.log)" -gt $(($1 + 50)) ]
}

@test "the page of 100 agents shows them all" {
    needs_chromium
    shows_many 100
}

@test "the page of 5,000 agents shows a hundred, and pairings go on meanwhile" {
    needs_chromium
    shows_many 5000
}
