# bash completion for relay-ca(1)
# shellcheck shell=bash

_relay_ca() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='init server client renew revoke crl list'
    local options='-d -t -h -V'
    local word command='' directory=/etc/vpn-warp/ca i

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [ "${COMP_WORDS[i - 1]}" != -d ] || directory=$word
        case " $commands " in *" $word "*) command=${command:-$word} ;; esac
    done

    case $previous in
        -d | -t)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        -D | --nusers | --type | --expire)
            COMPREPLY=()
            return
            ;;
    esac
    case $command in
        '') mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$current") ;;
        renew | revoke)
            # those that it has made
            word=$(find "$directory"/{client,server} -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null)
            [ "$command" = revoke ] || word="$word -D"
            mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
            ;;
        server) mapfile -t COMPREPLY < <(compgen -W -D -- "$current") ;;
        client) mapfile -t COMPREPLY < <(compgen -W '-D --nusers --type --expire' -- "$current") ;;
        *) COMPREPLY=() ;;
    esac
}

complete -o filenames -F _relay_ca relay-ca
