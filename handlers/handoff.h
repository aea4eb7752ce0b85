/*
 * The hand-over of an accepted connection, from relay-handoff(8), which
 * xinetd(8) starts for it, to a handler that the spawner forks:
 *
 *	relay-handoff connects to the spawner, which forks a handler
 *	handler -> relay-handoff: READY
 *	relay-handoff -> handler: HANDOFF, with the connection
 *
 * The connection is sent only to a process that has just said it is there, and
 * who has sent it does not serve it. So nothing is served twice, and no copy
 * waits in a queue and keeps the connection open. The two stay connected, and
 * each learns of the other's end.
 */
#ifndef HANDOFF_H
#define HANDOFF_H

#include "rights.h"

/*
 * Hands sock over to the spawner that listens at path. Returns the connection
 * to its handler (the caller closes it, and sock at once, for what it has open
 * the handler cannot end); or -1 with errno, and sock is still the caller's
 * alone: nobody is there (meeting_connect), nobody answers within
 * HANDOFF_ANSWER_MS (ETIMEDOUT), or somebody else does (EPERM, EPROTO).
 */
int handoff_give(const char *path, int sock);

/* For each of the two to say its part, milliseconds. */
#define HANDOFF_ANSWER_MS 2000

/*
 * Waits until the handler at peer has ended. SIGTERM and SIGINT become the
 * handler's, once.
 */
void handoff_wait(int peer);

/*
 * In the handler, where SIGTERM is blocked: takes the connection that peer has.
 * From then on, peer's end is a SIGTERM to this process until peer is closed.
 * Returns the connection, which the caller closes, or -1 with errno (ECONNRESET
 * where peer has given up).
 */
int handoff_take(int peer);

/*
 * Whether the other end of sock, who, is this process's user or root. Returns
 * 1, or 0 where it is not or that cannot be told.
 */
int handoff_trusts(int sock, struct rights *who);

#endif
