/*
 * Connections that a shared session took and could not serve, and that wait
 * for another one.
 */
#ifndef STONE_SHARED_REQUEUE_H
#define STONE_SHARED_REQUEUE_H

#include <sys/queue.h>
#include <sys/types.h>

struct orphan {
	LIST_ENTRY(orphan) entry;
	size_t forward; /* its index */
	pid_t from;     /* the session that had it */
	int sock;
	unsigned tries; /* sessions that had it */
};

struct orphans {
	LIST_HEAD(, orphan) all;
};

/* Takes over sock, which is reset where there is no memory. */
void orphans_add(
    struct orphans *q, size_t forward, pid_t from, int sock, unsigned tries);

/* Offers each to take; those for which that returns 1 have found somebody. */
void orphans_offer(struct orphans *q,
    int (*take)(void *arg, const struct orphan *o), void *arg);

/* Resets the connections of all, and frees. */
void orphans_reset(struct orphans *q);

/* Frees all, in a child process: closes what is ours of the connections. */
void orphans_forget(struct orphans *q);

#endif
