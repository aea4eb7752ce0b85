# fish completion for relay-listen(8)

complete -c relay-listen -f
complete -c relay-listen -s c -r -F -d 'configuration file'
complete -c relay-listen -s D -d 'become a daemon'
complete -c relay-listen -s d -d 'log debugging lines too'
complete -c relay-listen -s t -d 'check the configuration and exit'
complete -c relay-listen -s V -d 'print the version'
