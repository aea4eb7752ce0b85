#compdef relayctl
# zsh completion for relayctl(8)

local state line option
typeset -A opt_args
local -a commands before
commands=(
    'status:the broker itself, in numbers'
    'agents:agents that wait'
    'sessions:live sessions'
    'customers:customers, and what they have used'
    'recent:the last refusals and failures'
    'why:what stands in the way of somebody'
    'check:whether this relay is set up well'
    'diag:all that a helper asks for'
    'customer:add a certificate to a customer'
    'kick:end a session, or all of a customer'
    'drain:no new session; end after the last'
    'reload:read all files again'
    'watch:a table that redraws itself'
    'metrics:Prometheus text'
    'account:note what was used'
    'usage:what was used, by day and customer'
    'log-level:how much is logged'
)

_arguments -C \
    '(-c --conf)'{-c,--conf}'[configuration file]:file:_files' \
    '(-s --socket)'{-s,--socket}'[socket of the broker]:file:_files' \
    '(-a --all)'{-a,--all}'[ask all relays]' \
    '(-j --json)'{-j,--json}'[for programs]' \
    '(-V --version)'{-V,--version}'[print the version]' \
    '(-h --help)'{-h,--help}'[print the usage]' \
    '1:command:->command' \
    '*::argument:->argument'

# what the broker has right now is asked as this command line asks
for option in -c --conf -s --socket; do
    [[ -z ${opt_args[$option]} ]] || before+=($option ${opt_args[$option]})
done
case $state in
    command) _describe command commands ;;
    argument)
        case $line[1] in
            kick)
                compadd -- $({ relayctl $before sessions; relayctl $before agents; } 2>/dev/null |
                    awk '$1 != "ID" { print $1; print $2 }' | sort -u)
                ;;
            customer)
                if ((CURRENT == 2)); then
                    compadd -- $(relayctl $before customers 2>/dev/null |
                        awk 'NR > 1 && $1 != "default" { print $1 }')
                else
                    _files
                fi
                ;;
            metrics) _arguments '--textfile[write it to this file]:file:_files' ;;
            diag) _files ;;
            account) _arguments '--file[the ledger]:file:_files' ;;
            usage)
                _arguments '--since[from this day on]:date:' '--csv[for a spreadsheet]' \
                    '--file[the ledger]:file:_files'
                ;;
            log-level) compadd debug info notice warning err ;;
        esac
        ;;
esac
