# Asking a relayagent or relay-stone that runs how it is. To be loaded after helpers.
#
# shellcheck shell=bash

# asks PROGRAM FILE: it is that program, with that configuration.
asks() {
    asked=$1
    asked_conf=$2
    unset RUNTIME_DIRECTORY
}

# ask WORD [OPTION...]
ask() {
    timeout 60 "bin/$asked" "$@" -C "$asked_conf" 3>&-
}

# answer FILTER: of jq, on its status.
answer() {
    ask status --json | jq -r "$1"
}

# is FILTER VALUE: for wait_until.
is() {
    [ "$(answer "$1")" = "$2" ]
}
