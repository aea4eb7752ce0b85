# bash completion for relayagent(1)
# shellcheck shell=bash

_relayagent() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}

    case $previous in
        -[Cacfkx] | -X | --passfile | --peers | --textfile)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        --seal)
            mapfile -t COMPREPLY < <(compgen -W 'auto require off' -- "$current")
            return
            ;;
        --relays)
            mapfile -t COMPREPLY < <(compgen -W 'all first' -- "$current")
            return
            ;;
        -h | --upgrade | --request | -m | --max-streams)
            COMPREPLY=()
            return
            ;;
    esac
    case $current in
        -*)
            mapfile -t COMPREPLY < <(compgen -W '-a -C -c -D -d -f -h -k -m -n -t -V -X -x
                --install --json --max-streams --passfile --peers --proxy-protocol --relays
                --request --seal --textfile --upgrade' -- "$current")
            ;;
        # a command, or the one argument that is a file
        *)
            mapfile -t COMPREPLY < <(
                compgen -f -X '!*.warp' -- "$current"
                [ "$COMP_CWORD" -ne 1 ] || compgen -W 'check metrics status' -- "$current"
            )
            ;;
    esac
}

complete -o filenames -o plusdirs -F _relayagent relayagent
