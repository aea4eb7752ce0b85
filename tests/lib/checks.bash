# What "check" of relayagent and relay-stone has found, as run has it. To be loaded
# after helpers.
#
# shellcheck shell=bash disable=SC2154

# told RESULT STEP TEXT ADVICE: whether the output of run has this line, and behind
# it this advice.
told() {
    local i
    for i in "${!lines[@]}"; do
        if [[ ${lines[i]} == "$1"*" $2 "*"$3"*' ms)' ]]; then
            [[ ${lines[i + 1]} == '      what to do: '*"$4"* ]]
            return
        fi
    done
    echo "not told: $*"
    return 1
}

# all_well STEP...: whether these steps went well.
all_well() {
    local step
    for step; do
        [[ $output =~ (^|$'\n')ok\ +$step\ [^$'\n']+\ ms\) ]] || {
            echo "$step did not go well"
            return 1
        }
    done
}
