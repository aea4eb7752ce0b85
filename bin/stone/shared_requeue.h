/*
 * Connections that a shared session took and could not serve, and that wait
 * for another one.
 */
#ifndef STONE_SHARED_REQUEUE_H
#define STONE_SHARED_REQUEUE_H

#include <sys/queue.h>
#include <sys/types.h>

struct requeued {
	LIST_ENTRY(requeued) entry;
	size_t forward; /* its index */
	pid_t from;     /* the session that had it */
	int sock;
	unsigned tries; /* sessions that had it */
};

struct shared_requeue {
	LIST_HEAD(, requeued) all;
};

/* Takes over sock, which is reset where there is no memory. */
void shared_requeue_add(struct shared_requeue *q, size_t forward, pid_t from,
    int sock, unsigned tries);

/* Offers each to take; those for which that returns 1 have found somebody. */
void shared_requeue_offer(struct shared_requeue *q,
    int (*take)(void *arg, const struct requeued *o), void *arg);

/* Resets the connections of all, and frees. */
void shared_requeue_reset(struct shared_requeue *q);

/* Frees all, in a child process: closes what is ours of the connections. */
void shared_requeue_forget(struct shared_requeue *q);

#endif
