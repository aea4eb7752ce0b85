# fish completion for relayagent(1)

complete -c relayagent -f
complete -c relayagent -s a -r -F -d 'authorities of the relay'
complete -c relayagent -s C -r -F -d 'configuration file'
complete -c relayagent -s c -r -F -d 'client certificate'
complete -c relayagent -s D -d 'become a daemon'
complete -c relayagent -s d -d 'log debugging lines too'
complete -c relayagent -s h -x -d 'host to ask a web server for'
complete -c relayagent -s k -r -F -d 'private key'
complete -c relayagent -s m -x -d 'connections that wait'
complete -c relayagent -s n -d 'forward a port'
complete -c relayagent -s t -d 'check the configuration and exit'
complete -c relayagent -s V -d 'print the version'
complete -c relayagent -s X -r -F -d 'user and password for the proxy'
complete -c relayagent -s x -x -d 'HTTP proxy before the relay'
complete -c relayagent -l max-streams -x -d 'connections of one session'
complete -c relayagent -l proxy-protocol -d 'tell the target where clients come from'
complete -c relayagent -l upgrade -x -d 'let web clients upgrade to it'
