# fish completion for relay-stone(1)

complete -c relay-stone -f
complete -c relay-stone -s C -r -F -d 'configuration file'
complete -c relay-stone -s D -d 'become a daemon'
complete -c relay-stone -s d -d 'log debugging lines too'
complete -c relay-stone -s h -d 'print the usage'
complete -c relay-stone -l inetd -d 'serve the connection that is fd 0'
complete -c relay-stone -s l -d 'log to the syslog'
complete -c relay-stone -s N -d 'check the configuration and exit'
complete -c relay-stone -s n -d 'write addresses as numbers'
complete -c relay-stone -s q -x -a 'key= cert= CAfile= verify sni' -d 'what is used for TLS'
complete -c relay-stone -s r -d 'listen again at once'
complete -c relay-stone -l sessions -x -d 'shared sessions of each forward'
complete -c relay-stone -l stdio -d 'serve standard input and output'
complete -c relay-stone -s t -d 'check the configuration and exit'
complete -c relay-stone -s V -d 'print the version'
complete -c relay-stone -s x -x -d 'HTTP proxy before the relay'
