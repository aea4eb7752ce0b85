# What the tests of faults share: a storm of sessions with checksums, victims in
# it, and how often each fault is tried. To be loaded after helpers, clients and
# stones.
#
# shellcheck shell=bash disable=SC2154

# How often each fault is tried: once in the suite, 20 in "make faults".
# shellcheck disable=SC2034
rounds=${FAULT_ROUNDS:-1}

# Of a storm: so many clients with short sessions at once, and as many with long ones.
at_once=$((rounds > 2 ? 4 : 2))

# note WORD...: a figure, for who reads the results.
note() {
    echo "# $*" >&3
}

# ---- the storm --------------------------------------------------------------

# start_storm NAME...: sessions of these customers, through a relay-stone each that
# shares none, until storm_was_right.
start_storm() {
    local name
    for name; do
        storm_agent "$name"
        storm_stone "$name"
    done
    begin_storm "$@"
}

# storm_agent NAME: that customer's target and agent.
storm_agent() {
    start_target "target-$1" whole "$1"
    start_waiting_agent "agent-$1" "$1" "$target"
}

# storm_stone NAME: that customer's stone.
storm_stone() {
    stone_port=$(free_port)
    stone_name=$1 start_relay_stone "stone-$1" '--sessions 0' "$(to_relay "localhost:$stone_port")"
    echo "$stone_port" >"stone-$1.port"
}

# begin_storm NAME...: of customers that have both.
begin_storm() {
    local name places=()
    rm -f "$scratch/storm.stop" "$scratch"/storm.log
    for name; do
        places+=("$name=$(cat "stone-$name.port")")
    done
    storm_of=("$@")
    start storm python3 -SB "$tests/lib/storm.py" "$scratch/storm.stop" "$at_once" "${places[@]}"
    wait_until 60 storm_has_passed 10
}

# storm_has_passed COUNT: so many sessions whole, since it began.
storm_has_passed() {
    says_at_least storm "$1" '^whole'
}

# storm_was_right: ends it, and fails where a session was cut silently, crossed,
# hung or spoilt, on either side.
storm_was_right() {
    local name
    : >"$scratch/storm.stop"
    await_end storm 80 || {
        grep -v '^whole' "$scratch/storm.log" | tail -n 20
        return 1
    }
    note "$(tail -n 1 "$scratch/storm.log")"
    for name in "${storm_of[@]}"; do
        not says "target-$name" '^(clean end|spoilt)'
        # each target met nobody but its own customer
        [ "$(grep '^session ' "target-$name.log" | grep -cvx "session of=$name")" -eq 0 ]
    done
}

end_storm_of() {
    local name
    for name; do
        stop "stone-$name" || :
        stop "agent-$name" || :
        stop "target-$name" || :
    done
}

# serves_again NAME SECONDS: a new session of that customer goes well.
serves_again() {
    wait_until "$2" a_session_goes_well "$1"
}

a_session_goes_well() {
    timeout 60 python3 -SB "$tests/lib/traffic.py" client session "$(cat "stone-$1.port")" "$1" \
        20000 20000 >/dev/null 2>&1 3>&-
}

# ---- around a storm --------------------------------------------------------

# under SPAWNER: a relay of it, in a storm.
under() {
    [ "$1" = listen ] || [ -n "$SYSLOG_FILE" ] || skip 'xinetd: no other syslog daemon'
    start_broker
    start_relay "$1"
    [ "$1" = xinetd ] || wait_until 60 spawner_is_attached
    idle_fds=$(broker_fds)
    start_storm alice bob
}

# all_is_well: after it, the relay is as before.
all_is_well() {
    storm_was_right
    end_storm_of alice bob
    assert_nothing_is_left
    not says relay ' handler-killed .*signal=(6|11)\b'
}

# ---- victims ----------------------------------------------------------------

# victim KIND: the pid of a process of that kind, any of those that are there.
# Handlers of a session and children come and go: it may end on its own.
victim() {
    case $1 in
        broker) pid_of broker ;;
        spawner) pid_of relay ;;
        agent) pid_of agent-alice ;;
        stone) pid_of stone-alice ;;
        agent-poll) any_child "$(any_agent alice)" ;;
        agent-session) an_agents_session ;;
        stone-session) any_child stone-alice ;;
        stone-handler) any_handler stone ;;
        agent-handler) any_handler agent ;;
        any-handler) any_child relay ;;
    esac
}

# any_of PID...
any_of() {
    [ $# -eq 0 ] || echo "${@:RANDOM%$#+1:1}"
}

# any_agent CUSTOMER: the name of one, where there are several.
any_agent() {
    local confs=("agent-$1"*.conf)
    any_of "${confs[@]%.conf}"
}

any_child() {
    local children
    children_of "$(pid_of "$1")"
    any_of "${children[@]}"
}

# any_handler ROLE: one whose session began not long ago, if it still lasts.
any_handler() {
    local i children live found=() log=$scratch/relay.log
    [ "$spawner" != xinetd ] || log=$SYSLOG_FILE
    # to read all of a long log, which others may write to as well, takes longer than
    # a session lasts
    mapfile -t logged < <(tail -n 5000 "$log" |
        grep " matched .* role=$1 .*result=taken" | tail -n 100)
    count_handlers
    live=" ${children[*]} "
    for ((i = ${#logged[@]} - 1; i >= 0; i--)); do
        if [[ ${logged[i]} =~ \[([0-9]+)\]:\ matched\  &&
            $live == *" ${BASH_REMATCH[1]} "* ]]; then
            found+=("${BASH_REMATCH[1]}")
        fi
    done
    any_of "${found[@]}"
}

# an_agents_session: a process that has a target, which is one fd more than a
# poll has (0 to 2, the relay, the news for its parent).
an_agents_session() {
    local pid fds children found=()
    children_of "$(pid_of agent-alice)"
    for pid in "${children[@]}"; do
        fds=("/proc/$pid/fd"/*)
        [ "${#fds[@]}" -lt 6 ] || found+=("$pid")
    done
    any_of "${found[@]}"
}

# strike KIND SIGNAL: sends it to such a victim, and puts its pid into $struck.
strike() {
    wait_until 60 struck_one "$@"
}

struck_one() {
    struck=$(victim "$1")
    [ -n "$struck" ] && kill -"$2" "$struck" 2>/dev/null
}

# a_random_moment: up to half a second, so that each strike hits another state.
a_random_moment() {
    pause "0.$((RANDOM % 5))$((RANDOM % 10))"
}

# revive KIND: starts anew what was killed, as a service manager would.
revive() {
    case $1 in
        broker)
            wait_until 60 not running broker
            start_broker
            ;;
        spawner)
            wait_until 60 not running relay
            wait_until 60 not listening "$relay_port"
            start_relay "$spawner"
            ;;
        agent)
            wait_until 60 not running agent-alice
            : >agent-alice.log
            start agent-alice "$scratch/bin/relayagent" -C "$scratch/agent-alice.conf"
            wait_until 60 waits agent-alice 1
            ;;
        stone)
            wait_until 60 not running stone-alice
            wait_until 60 not listening "$(cat stone-alice.port)"
            : >stone-alice.log
            start stone-alice "$scratch/bin/relay-stone" -C "$scratch/stone-alice.conf"
            await_start stone-alice says stone-alice ' start '
            ;;
    esac
}

# ---- what is left -----------------------------------------------------------

# relay_processes: the handlers, whoever is their parent by now.
relay_processes() {
    pgrep -f -- "$scratch/bin/relay-(listen|handler)" || :
}

# nothing_is_left: no handler but the spawner itself, and no fd of them in the
# broker.
nothing_is_left() {
    local spawners=0
    [ "$spawner" = xinetd ] || spawners=1
    [ "$(relay_processes | grep -c .)" -eq "$spawners" ] && [ "$(broker_fds)" -eq "$idle_fds" ]
}

assert_nothing_is_left() {
    wait_until 60 nothing_is_left || {
        echo "fds of the broker: $idle_fds before, now $(broker_fds); processes:"
        ps -f -p "$(relay_processes | paste -s -d,)"
        return 1
    }
}

# ---- the shim ---------------------------------------------------------------

# build_shim: faults/shim.c, for setup_file.
build_shim() {
    "${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Werror -fPIC -shared \
        -o "$BATS_FILE_TMPDIR/shim.so" "$tests/faults/shim.c" -ldl
}
