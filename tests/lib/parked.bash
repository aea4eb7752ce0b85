# Agents that are parked while something happens. To be loaded after helpers.
#
# shellcheck shell=bash

# while_parked SCRIPT COMMAND...: runs COMMAND while agents of the script are
# parked, which then sees what becomes of them.
while_parked() {
    start_play agents <<<"from park import *
$1"
    shift
    await_point agents parked
    "$@"
    go_on parked
    ended_well agents
    rm parked.reached parked.passed
}
