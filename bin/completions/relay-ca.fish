# fish completion for relay-ca(1)

set -l commands setup init server client node admin sign renew revoke crl list

complete -c relay-ca -f
complete -c relay-ca -s d -r -a '(__fish_complete_directories)' -d 'directory of the CA'
complete -c relay-ca -s t -r -F -d 'file of customers'
complete -c relay-ca -s h -d 'print the usage'
complete -c relay-ca -s V -d 'print the version'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a setup -d 'make a relay on this host'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a init -d 'make a CA'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a server -d 'make the certificate of a relay'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a client -d 'make the certificate of a client'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a node -d 'make the certificate of a relay among others'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a admin -d 'make the certificate of an administrator of several'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a sign -d 'make certificates for keys that are elsewhere'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a renew -d 'make a new key and certificate'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a revoke -d 'revoke certificates'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a crl -d 'make crl.pem anew'
complete -c relay-ca -n "not __fish_seen_subcommand_from $commands" -a list -d 'show all certificates'
complete -c relay-ca -n '__fish_seen_subcommand_from server client node admin sign renew' -s D -x -d 'days that it is good for'
complete -c relay-ca -n '__fish_seen_subcommand_from client' -l nusers -x -d 'sessions at a time'
complete -c relay-ca -n '__fish_seen_subcommand_from client' -l type -x -d 'what for'
complete -c relay-ca -n '__fish_seen_subcommand_from client' -l expire -x -d 'until when'
complete -c relay-ca -n '__fish_seen_subcommand_from client' -l bundle -d 'all in one file'
complete -c relay-ca -n '__fish_seen_subcommand_from client' -l encrypt -d 'with a passphrase'
complete -c relay-ca -n '__fish_seen_subcommand_from client sign' -l relay -x -d 'host and port of the relay'
complete -c relay-ca -n '__fish_seen_subcommand_from sign' -k -a '(__fish_complete_suffix .csr)'
complete -c relay-ca -n '__fish_seen_subcommand_from setup' -l port -x -d 'port of the relay'
# those that it has made
complete -c relay-ca -n '__fish_seen_subcommand_from renew revoke' -a '(path basename /etc/vpn-warp/ca/{client,server}/* 2>/dev/null)'
