#compdef relay-stone
# zsh completion for relay-stone(1)

_arguments \
    '-C[configuration file]:file:_files' \
    '-D[become a daemon]' \
    '-d[log debugging lines too]' \
    '-h[print the usage]' \
    '--inetd[serve the connection that is fd 0]' \
    '-l[log to the syslog]' \
    '-N[check the configuration and exit]' \
    '-n[write addresses as numbers]' \
    '*-q[what is used for TLS]:word:(key= cert= CAfile= verify sni)' \
    '-r[listen again at once]' \
    '--sessions[shared sessions of each forward]:number:' \
    '--stdio[serve standard input and output]' \
    '-t[check the configuration and exit]' \
    '-V[print the version]' \
    '-x[HTTP proxy before the relay]:proxy:' \
    '*:forward:'
