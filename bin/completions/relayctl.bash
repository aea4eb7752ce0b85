# bash completion for relayctl(8)
# shellcheck shell=bash

_relayctl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='status agents sessions customers recent why check diag customer kick drain reload watch metrics account usage log-level'
    local options='-a --all -c --conf -s --socket -j --json -V --version -h --help'
    local word command='' options_before=()

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            -c | --conf | -s | --socket) ;;
            -*) ;;
            *) case " $commands " in *" $word "*) command=$word ;; esac ;;
        esac
        [ -n "$command" ] || options_before+=("$word")
    done

    case $previous in
        -c | --conf | -s | --socket | --textfile | --file)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
    esac
    case $command in
        '') mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$current") ;;
        kick | why)
            # what the broker has right now, asked as this command line asks
            word=$({
                "${COMP_WORDS[0]}" "${options_before[@]}" sessions
                "${COMP_WORDS[0]}" "${options_before[@]}" agents
            } 2>/dev/null | awk '$1 != "ID" && NF > 1 { print $1; print $2 }' | sort -u)
            mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
            ;;
        customer)
            # the names of the table, and then a file
            if [ "$previous" = customer ]; then
                word=$("${COMP_WORDS[0]}" "${options_before[@]}" customers 2>/dev/null |
                    awk 'NR > 1 && $1 != "default" { print $1 }')
                mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
            fi
            ;;
        metrics) mapfile -t COMPREPLY < <(compgen -W --textfile -- "$current") ;;
        diag) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        account) mapfile -t COMPREPLY < <(compgen -W --file -- "$current") ;;
        usage) mapfile -t COMPREPLY < <(compgen -W '--since --csv --file --json' -- "$current") ;;
        log-level) mapfile -t COMPREPLY < <(compgen -W 'debug info notice warning err' -- "$current") ;;
        *) COMPREPLY=() ;;
    esac
}

complete -F _relayctl relayctl
