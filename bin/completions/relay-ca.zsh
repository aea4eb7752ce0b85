#compdef relay-ca
# zsh completion for relay-ca(1)

local directory=/etc/vpn-warp/ca state line
typeset -A opt_args
local -a commands names days=('-D[days that it is good for]:days:')
commands=(
    'setup:make a relay on this host'
    'init:make a CA'
    'server:make the certificate of a relay'
    'client:make the certificate of a client'
    'node:make the certificate of a relay among others'
    'admin:make the certificate of an administrator of several'
    'sign:make certificates for keys that are elsewhere'
    'renew:make a new key and certificate'
    'revoke:revoke certificates'
    'crl:make crl.pem anew'
    'list:show all certificates'
)

_arguments -C \
    '-d[directory of the CA]:directory:_files -/' \
    '-t[file of customers]:file:_files' \
    '-h[print the usage]' \
    '-V[print the version]' \
    '1:command:->command' \
    '*::argument:->argument'

[[ -z ${opt_args[-d]} ]] || directory=${opt_args[-d]}
case $state in
    command) _describe command commands ;;
    argument)
        # those that it has made
        names=($directory/(client|server)/*(N:t))
        case $line[1] in
            server) _arguments $days '*:name:_hosts' ;;
            client)
                _arguments $days '--nusers[sessions at a time]:number:' '--type[what for]:type:' \
                    '--expire[until when]:time:' '--bundle[all in one file]' '--encrypt[with a passphrase]' \
                    '--relay[host and port of the relay]:relay:' '1:name:'
                ;;
            setup) _arguments '--port[port of the relay]:port:' '*:name:_hosts' ;;
            sign)
                _arguments $days '--relay[host and port of the relay]:relay:' '1:name:' '*:request:_files -g "*.csr"'
                ;;
            node | admin) _arguments $days '1:name:' ;;
            renew) _arguments $days "1:name:($names)" ;;
            revoke) _arguments "1:name:($names)" '2:serial:' ;;
        esac
        ;;
esac
