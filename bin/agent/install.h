/*
 * relayagent --install: what the command line says becomes a service of this
 * host.
 */
#ifndef AGENT_INSTALL_H
#define AGENT_INSTALL_H

#include "agent/conf.h"

/*
 * Copies the .warp file of the command line, and a key beside it, to the folder
 * of the configuration, for the agents' user alone; writes NAME.conf there; and
 * has systemd(1), where it runs, start relayagent@NAME now and with the host.
 * The configuration was read and is good. Says what was done, or fails as
 * program_fail does. Returns EX_OK.
 */
int agent_install(const struct agent_source *source);

#endif
