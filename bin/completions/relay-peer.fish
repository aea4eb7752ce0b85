# fish completion for relay-peer(8)

complete -c relay-peer -f
complete -c relay-peer -s c -r -F -d 'configuration file'
complete -c relay-peer -s D -d 'become a daemon'
complete -c relay-peer -s d -d 'log debugging lines too'
complete -c relay-peer -s t -d 'check the configuration and exit'
complete -c relay-peer -s V -d 'print the version'
