/*
 * The polls of the pool begin: each as a process.
 */
#ifndef AGENT_POOL_START_H
#define AGENT_POOL_START_H

#include "agent/pool_state.h"

/*
 * Has the parked poll of slot, which was woken, go on as a process, on its
 * socket fd, which it takes over.
 */
void pool_wake(
    struct pool *pool, struct agent_relay *relay, struct slot *slot, int fd);

/* Starts those polls at relay that are wanted and due. */
void pool_fill(struct pool *pool, struct agent_relay *relay);

#endif
