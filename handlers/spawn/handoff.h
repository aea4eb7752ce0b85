/*
 * The hand-over of an accepted connection, from relay-handoff(8), which
 * xinetd(8) starts for it, to a handler that the spawner forks:
 *
 *	relay-handoff connects to the spawner, which forks a handler
 *	handler -> relay-handoff: READY, with one end of the lifeline
 *	relay-handoff -> handler: HANDOFF, with the connection
 *
 * The connection is sent only to a process that has just said it is there, and
 * who has sent it does not serve it. So nothing is served twice, and no copy
 * waits in a queue and keeps the connection open. From then on the two have the
 * lifeline between them, a pair of sockets on which nothing is ever sent, and
 * by which each learns of the other's end.
 */
#ifndef SPAWN_HANDOFF_H
#define SPAWN_HANDOFF_H

#include "ipc/peercred.h"

/* For each of the two to say its part, milliseconds. */
#define HANDOFF_ANSWER_MS 2000

/*
 * Hands sock over to the spawner that listens at path. Returns the lifeline,
 * for handoff_wait (the caller closes it, and sock at once: what it has open
 * the handler cannot end); or -1 with errno, and sock is still the caller's
 * alone: nobody is there (ipc_socket_connect), nobody answers in time
 * (ETIMEDOUT), or somebody else does (EPERM, EPROTO).
 */
int handoff_give(const char *path, int sock);

/*
 * Waits until the handler at the other end of the lifeline has ended. SIGTERM
 * and SIGINT become a SIGTERM of the handler, once. The process is confined to
 * that (handoff_sandbox.h): what it may do afterwards is _exit(2).
 */
void handoff_wait(int lifeline);

/*
 * In the handler, where SIGTERM is blocked: takes the connection that peer has.
 * The end of relay-handoff is then a SIGTERM to this process, and the caller
 * closes *lifeline at its own end. Returns the connection, which the caller
 * closes, or -1 with errno (ECONNRESET where peer has given up) and *lifeline
 * -1.
 */
int handoff_take(int peer, int *lifeline);

/*
 * Whether the other end of sock, who, is this process's user, other, or root.
 * Returns 1, or 0 where it is not or that cannot be told.
 */
int handoff_trusts(int sock, uid_t other, struct rights *who);

#endif
