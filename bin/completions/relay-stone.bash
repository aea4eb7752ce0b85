# bash completion for relay-stone(1)
# shellcheck shell=bash

_relay_stone() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}

    case $previous in
        -C | -f | --textfile)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        -q)
            mapfile -t COMPREPLY < <(compgen -W 'key= cert= certkey= passfile= CAfile= CApath=
                peers= re0= seal= servername= default sni verify' -- "$current")
            return
            ;;
        --request | --sessions | -b | -P | -x)
            COMPREPLY=()
            return
            ;;
    esac
    case $current in
        -*)
            mapfile -t COMPREPLY < <(compgen -W '-b -C -D -d -f -h -l -N -n -P -q -r -t -V -x
                --inetd --install --json --request --sessions --stdio --textfile' -- "$current")
            ;;
        # a command, or the one word that is a file
        *)
            mapfile -t COMPREPLY < <(
                compgen -f -X '!*.warp' -- "$current"
                [ "$COMP_CWORD" -ne 1 ] || compgen -W 'check metrics status' -- "$current"
            )
            ;;
    esac
}

complete -o filenames -o plusdirs -F _relay_stone relay-stone
