/*
 * The polls of the pool begin: each as a process.
 */
#ifndef AGENT_POOL_START_H
#define AGENT_POOL_START_H

#include "agent/pool_state.h"

/* Starts those polls at relay that are wanted and due. */
void pool_fill(struct pool *pool, struct agent_relay *relay);

#endif
