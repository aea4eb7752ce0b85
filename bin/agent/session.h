/*
 * One session of the agent: a stone has come, and is led to the target that it
 * asks for.
 */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "agent/conf.h"
#include "channel/channel.h"
#include "http/head.h"

/*
 * Serves the stone whose head, and what came behind it, are the len bytes in
 * buf, at most 2 * HEAD_FORWARD_MAX. relay stays the caller's. Returns 0: to
 * close, as the session ended in order, if only with a refusal; or -1: to
 * abort, as it broke.
 */
int agent_session_run(const struct agent_conf *conf, struct channel *relay,
    const struct head *head, const char *buf, size_t len);

#endif
