# bash completion for relay-stone(1)
# shellcheck shell=bash

_relay_stone() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local options='-C -D -d -h --inetd -l -N -n -q -r --sessions --stdio -t -V -x'

    case $previous in
        -C) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        -q) mapfile -t COMPREPLY < <(compgen -W 'key= cert= CAfile= verify sni' -- "$current") ;;
        --sessions | -x) COMPREPLY=() ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current") ;;
    esac
}

complete -o filenames -F _relay_stone relay-stone
