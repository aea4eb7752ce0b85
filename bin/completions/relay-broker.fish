# fish completion for relay-broker(8)

complete -c relay-broker -f
complete -c relay-broker -s c -r -F -d 'configuration file'
complete -c relay-broker -s D -d 'become a daemon'
complete -c relay-broker -s d -d 'log debugging lines too'
complete -c relay-broker -s t -d 'check the configuration and exit'
complete -c relay-broker -s V -d 'print the version'
