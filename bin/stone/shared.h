/*
 * A session that carries many local connections: the client of mux/mux.h, in a
 * process of its own. It takes connections from the forward's listener, which
 * it shares with others of its kind, while it has room for streams.
 */
#ifndef STONE_SHARED_H
#define STONE_SHARED_H

#include "stone/forward.h"

/*
 * What a process that becomes one needs, and cannot do in its sandbox: SIGTERM
 * ends it from now on, until it is ready.
 */
void stone_shared_prepare(void);

/*
 * Opens the session and serves until it ends; control (shared_control.h) leads
 * to the relay-stone that keeps it. Connections that the agent has not answered
 * go back there where the session ends. Drops the forward's keys on the way.
 * Returns a sysexits(3) code for _exit(2).
 */
int stone_shared_run(
    struct forward *forward, const struct proxy *proxy, int control);

#endif
