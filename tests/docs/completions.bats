#!/usr/bin/env bats
# Completions for bash, zsh and fish: every option of the pages, and the shells
# themselves asked.
#
# shellcheck disable=SC2016,SC2154

load ../lib/helpers
load ../lib/docs

setup() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/vw.XXXXXX")
    cd "$scratch" || return
    completions=$root/bin/completions
    programs=(relayagent relay-stone relayctl relay-ca relay-broker relay-keyd relay-listen relay-peer relay-presence)
    mkdir bin
    cp "$built"/relay* bin
    PATH=$scratch/bin:$PATH
}

# need PROGRAM
need() {
    command -v "$1" >/dev/null || skip "needs $1"
}

# options_of PAGE: those that have an entry, a line each.
options_of() {
    sed -nE 's/^\.It (Fl .*)/\1/p' "$1" | grep -oE 'Fl -?[A-Za-z-]+' | sed 's/^Fl /-/' | sort -u
}

# ask_bash WORD...: what bash offers for the last of them.
ask_bash() {
    bash -c '
        . "$1/$2.bash"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        "_${1//-/_}"
        printf "%s\n" "${COMPREPLY[@]}"
    ' - "$completions" "$@"
}

# ask_fish LINE: what fish offers at its end, without the descriptions.
ask_fish() {
    HOME=$scratch fish --no-config -c '
        source $argv[1]
        complete -C $argv[2]
    ' "$completions/${1%% *}.fish" "$1" | cut -f 1
}

# ask_zsh LINE: what is on the line once a tab was typed at its end.
ask_zsh() {
    mkdir -p functions
    local file
    for file in "$completions"/*.zsh; do
        file=${file##*/}
        cp "$completions/$file" "functions/_${file%.zsh}"
    done
    cat >.zshrc <<'SETTINGS'
fpath=($PWD/functions $fpath)
autoload -Uz compinit
compinit -u -D
report() { print -r -- "$BUFFER" >line; }
zle -N report
bindkey '^X' report
SETTINGS
    rm -f line
    ZDOTDIR=$scratch timeout 60 zsh -f -c '
        zmodload zsh/zpty
        zpty shell zsh -d -i
        zpty -w -n shell "$1"$'\''\t\030'\''
        while [[ ! -s line ]]; do zpty -r -t shell ignored; sleep 0.05; done
    ' - "$1"
    cat line
}

@test "every program has completions in three shells, which understand them" {
    local name
    need zsh
    need fish
    for name in "${programs[@]}"; do
        bash -n "$completions/$name.bash"
        zsh -n "$completions/$name.zsh"
        fish --no-config --no-execute "$completions/$name.fish"
        [ "$(head -n 1 "$completions/$name.zsh")" = "#compdef $name" ]
    done
    [ "$(find "$completions" -type f | wc -l)" -eq $((3 * ${#programs[@]})) ]
}

@test "they offer the options of the pages, and no other" {
    local name
    need fish
    for name in "${programs[@]}"; do
        echo "$name"
        options_of "$root/man/$name".[18] >page
        [ -s page ]
        ask_bash "$name" - | grep '^-' | sort -u | diff page -
        ask_fish "$name -" | grep '^-' | sort -u | diff page -
        while read -r option; do
            grep -qE -- "(^|[^A-Za-z-])$option($|[^A-Za-z-])" "$completions/$name.zsh"
        done <page
    done
}

@test "they offer commands, files and what there is" {
    local command
    need fish
    for command in $("$built/relay-ca" -h | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
        ask_bash relay-ca '' | grep -x "$command"
        ask_fish 'relay-ca ' | grep -x "$command"
        grep -F "'$command:" "$completions/relay-ca.zsh"
    done
    relay-ca -d ca init >/dev/null
    relay-ca -d ca client laptop >/dev/null
    [ "$(ask_bash relay-ca -d ca revoke l)" = laptop ]
    : >agent.conf
    [ "$(ask_bash relayagent -C ag)" = agent.conf ]
    [ "$(ask_fish 'relayagent -C ag')" = agent.conf ]
    [ "$(ask_bash relay-stone -q ver)" = verify ]
    [ "$(ask_fish 'relay-stone -q ver')" = verify ]
    ask_fish 'relayctl log-level ' | grep -x notice
    for command in relayagent relay-stone; do
        [ "$(ask_bash "$command" ch)" = check ]
        [ "$(ask_bash "$command" st)" = status ]
        [ "$(ask_bash "$command" me)" = metrics ]
        [ "$(ask_bash "$command" metrics --textfile ag)" = agent.conf ]
        [ "$(ask_bash "$command" check --j)" = --json ]
        ask_fish "$command st" | grep -x status
        ask_fish "$command me" | grep -x metrics
    done
}

@test "zsh completes a command, and the name that a CA knows" {
    need zsh
    [ "$(ask_zsh 'relayctl log-level no')" = 'relayctl log-level notice ' ]
    relay-ca -d ca init >/dev/null
    relay-ca -d ca client laptop >/dev/null
    [ "$(ask_zsh 'relay-ca -d ca revoke la')" = 'relay-ca -d ca revoke laptop ' ]
    [ "$(ask_zsh 'relayagent --proxy')" = 'relayagent --proxy-protocol ' ]
    [ "$(ask_zsh 'relayagent ch')" = 'relayagent check ' ]
    [ "$(ask_zsh 'relay-stone st')" = 'relay-stone status ' ]
    [ "$(ask_zsh 'relayagent me')" = 'relayagent metrics ' ]
    : >laptop.warp
    [ "$(ask_zsh 'relayagent la')" = 'relayagent laptop.warp ' ]
    [ "$(ask_zsh 'relayctl usa')" = 'relayctl usage ' ]
}
