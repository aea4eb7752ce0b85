# fish completion for relay-keyd(8)

complete -c relay-keyd -f
complete -c relay-keyd -s c -r -F -d 'configuration file'
complete -c relay-keyd -s D -d 'become a daemon'
complete -c relay-keyd -s d -d 'log debugging lines too'
complete -c relay-keyd -s t -d 'check the configuration and exit'
complete -c relay-keyd -s V -d 'print the version'
