/*
 * One session of the agent: a stone has come, and is led to the target that it
 * asks for.
 */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "agent/conf.h"
#include "agent/seal.h"
#include "channel/channel.h"

/*
 * Serves the stone that has sent *request, sealed where that is agreed on.
 * Drops conf's key. relay stays the caller's, to close if it is not closed.
 * Returns 0: to close, as the session ended in order, if only with a refusal;
 * or -1: to abort, as it broke.
 */
int agent_session_run(struct agent_conf *conf, struct channel *relay,
    struct agent_request *request);

#endif
