# bash completion for relay-presence(8)
# shellcheck shell=bash

_relay_presence() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local options='-c -D -d -t -V'

    case $previous in
        -c) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current") ;;
    esac
}

complete -o filenames -F _relay_presence relay-presence
