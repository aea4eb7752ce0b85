# bash completion for relayagent(1)
# shellcheck shell=bash

_relayagent() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local options='-a -C -c -D -d -h -k -m -n -t -V -X -x --max-streams --proxy-protocol --upgrade'

    case $previous in
        -a | -C | -c | -k | -X) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        -h | -m | -x | --max-streams | --upgrade) COMPREPLY=() ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current") ;;
    esac
}

complete -o filenames -F _relayagent relayagent
