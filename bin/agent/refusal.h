/*
 * How the agent refuses a stone.
 */
#ifndef AGENT_REFUSAL_H
#define AGENT_REFUSAL_H

#include "channel/channel.h"
#include "http/head.h"

/* Answers with status and reason, and waits for the stone to have read it. */
void agent_refuse(struct channel *relay, const struct head *head, int status,
    const char *reason);

#endif
