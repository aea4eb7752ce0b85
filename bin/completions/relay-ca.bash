# bash completion for relay-ca(1)
# shellcheck shell=bash

_relay_ca() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local word last='' command='' dir=/etc/vpn-warp/ca

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $last in
            -d) dir=$word ;;
            -t) ;;
            *) case $word in -*) ;; *) [ -n "$command" ] || command=$word ;; esac ;;
        esac
        last=$word
    done
    case $previous in
        -d | -t)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
        -D | --port | --nusers | --type | --expire | --relay)
            COMPREPLY=()
            return
            ;;
    esac
    case $command in
        '') word='setup init server client node admin sign renew revoke crl list -d -t -h -V' ;;
        setup) word=--port ;;
        client) word='--bundle --encrypt --relay --nusers --type --expire -D' ;;
        sign)
            mapfile -t COMPREPLY < <(compgen -f -X '!*.csr' -- "$current")
            return
            ;;
        # the names of which there are certificates
        renew | revoke) word=$(relay-ca -d "$dir" list 2>/dev/null | awk 'NR > 1 && $4 == "valid" { print $2 }' | sort -u) ;;
        *) word='' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
}

complete -o filenames -F _relay_ca relay-ca
