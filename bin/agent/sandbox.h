/* The sandbox of relayagent: of the pool, and the tighter one of its polls. */
#ifndef AGENT_SANDBOX_H
#define AGENT_SANDBOX_H

#include "agent/conf.h"

/*
 * The pool may read files, fork, signal its children and tell the service
 * manager; and what its polls may. Logs what the kernel lacks. Returns 0, or
 * -1 with errno.
 */
int agent_sandbox_enter(const struct agent_conf *conf);

/* The polls to come may connect where conf leads. Returns 0, or -1. */
int agent_sandbox_renew(const struct agent_conf *conf);

/*
 * Whether a file that names are looked up in was replaced since the last call:
 * polls from before cannot read the new one.
 */
int agent_sandbox_is_stale(void);

/* In a poll: connect where it leads, and look names up. Likewise. */
int agent_sandbox_poll(void);

#endif
