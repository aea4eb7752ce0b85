/*
 * "relayagent check": why it works, or does not (check/check.h). A relayagent
 * that runs with the same configuration is not disturbed.
 */
#ifndef AGENT_CHECK_H
#define AGENT_CHECK_H

#include "agent/conf.h"

/*
 * Reads the configuration, and tries each relay and each target that it names.
 * Prints how it goes. Returns 0, or the sysexits(3) code of the first failure.
 */
int agent_check(const struct agent_source *source);

#endif
