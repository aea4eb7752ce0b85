#compdef relayagent
# zsh completion for relayagent(1)

local state
local -a commands
commands=(
    'check:try each step, and say what is wrong'
    'status:how one that runs is doing'
    'metrics:the same for Prometheus'
)

_arguments \
    '-a[authorities of the relay]:file:_files' \
    '-C[configuration file]:file:_files' \
    '-c[client certificate]:file:_files' \
    '-D[become a daemon]' \
    '-d[log debugging lines too]' \
    '-f[one file for key, certificate and relay]:file:_files' \
    '--install[make a service of it]' \
    '--passfile[passphrase of the key]:file:_files' \
    '--peers[certificates of other ends of sealed sessions]:file:_files' \
    '--relays[which of several relays are polled]:which:(all first)' \
    '--seal[whether sessions are sealed]:mode:(auto require off)' \
    '--request[make a key and a request for a certificate]:name:' \
    '-h[host to ask a web server for]:host:' \
    '-k[private key]:file:_files' \
    '-m[connections that wait]:polls:' \
    '-n[forward a port]' \
    '-t[check the configuration and exit]' \
    '--textfile[where metrics go]:file:_files' \
    '--json[check and status as JSON]' \
    '-V[print the version]' \
    '-X[user and password for the proxy]:file:_files' \
    '-x[HTTP proxy before the relay]:proxy:' \
    '--max-streams[connections of one session]:number:' \
    '--proxy-protocol[tell the target where clients come from]' \
    '*--upgrade[let web clients upgrade to it]:protocol:' \
    '1:command or warp file, relay\:port or target\:port:->first' \
    '*:warp file, relay\:port or target\:port:_files -g "*.warp"'

if [[ $state == first ]]; then
    _describe command commands
    _files -g '*.warp'
fi
