# fish completion for relay-presence(8)

complete -c relay-presence -f
complete -c relay-presence -s c -r -F -d 'configuration file'
complete -c relay-presence -s D -d 'become a daemon'
complete -c relay-presence -s d -d 'log debugging lines too'
complete -c relay-presence -s t -d 'check the configuration and exit'
complete -c relay-presence -s V -d 'print the version'
