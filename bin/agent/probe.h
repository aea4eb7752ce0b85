/*
 * A session that is a check (relay-protocol(7)): the agent answers it itself,
 * and says how its target is.
 */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include "agent/conf.h"
#include "channel/channel.h"
#include "http/head.h"

#include <stddef.h>

/*
 * Answers the stone at the other end of relay, whose head is at the start of
 * the len bytes of buf, line by line until it ends or is silent. Returns 0, or
 * -1 where that ended otherwise. relay stays the caller's.
 */
int agent_probe_run(const struct agent_conf *conf, struct channel *relay,
    const struct head *head, const char *buf, size_t len);

#endif
