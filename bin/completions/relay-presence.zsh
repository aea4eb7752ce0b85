#compdef relay-presence
# zsh completion for relay-presence(8)

_arguments \
    '-c[configuration file]:file:_files' \
    '-D[become a daemon]' \
    '-d[log debugging lines too]' \
    '-t[check the configuration and exit]' \
    '-V[print the version]'
