#compdef relay-stone
# zsh completion for relay-stone(1)

local state
local -a commands
commands=(
    'check:try each step, and say what is wrong'
    'status:how one that runs is doing'
    'metrics:the same for Prometheus'
)

_arguments \
    '*-b[another relay for one]:seconds::relay::backup:' \
    '-C[configuration file]:file:_files' \
    '-D[become a daemon]' \
    '-d[log debugging lines too]' \
    '-f[one file for key, certificate and relay]:file:_files' \
    '--request[make a key and a request for a certificate]:name:' \
    '-h[print the usage]' \
    '--inetd[serve the connection that is fd 0]' \
    '--install[make a service of it]' \
    '-l[log to the syslog]' \
    '-N[check the configuration and exit]' \
    '-n[write addresses as numbers]' \
    '-P[no preprocessor\: an empty word]:empty word:' \
    '*-q[what is used for TLS]:word:(key= cert= certkey= passfile= CAfile= CApath= peers= re0= seal= servername= default sni verify)' \
    '-r[listen again at once]' \
    '--sessions[shared sessions of each forward]:number:' \
    '--stdio[serve standard input and output]' \
    '-t[check the configuration and exit]' \
    '--textfile[where metrics go]:file:_files' \
    '--json[check and status as JSON]' \
    '-V[print the version]' \
    '-x[HTTP proxy before the relay]:proxy:' \
    '1:command or warp file or forward:->first' \
    '*:warp file or forward:_files -g "*.warp"'

if [[ $state == first ]]; then
    _describe command commands
    _files -g '*.warp'
fi
