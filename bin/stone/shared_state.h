/* The sessions of a shared_pool, for the files that keep it. */
#ifndef STONE_SHARED_STATE_H
#define STONE_SHARED_STATE_H

#include "stone/forward.h"
#include "stone/shared_load.h"
#include "stone/shared_pool.h"
#include "stone/shared_requeue.h"
#include "stone/shared_supply.h"

#include <sys/queue.h>

#define NO_FORWARD STONE_FORWARDS_MAX

enum stage { OPENING, READY, DRAINING };

/* What the pool's epoll tells of. */
struct pool_source {
	void (*ready)(struct shared_pool *k, struct pool_source *source);
};

/* One session's process. */
struct session {
	struct pool_source source; /* of control */
	LIST_ENTRY(session) entry;
	enum stage stage;
	size_t forward; /* its index; NO_FORWARD: it is no more */
	pid_t pid;
	int control;
	int64_t since; /* ready since then */
	enum shared_load_level level;
	int64_t level_since;
	int resting; /* it was told to take no connections for now */
};

/* Waits for the connection that ends the sleep of a forward's supply. */
struct sleeper {
	struct pool_source source; /* of listener */
	int listener;              /* -1: it does not sleep */
};

struct shared_pool {
	int epoll;
	LIST_HEAD(, session) all;
	struct shared_requeue requeue;
	/* the last: NO_FORWARD's */
	struct shared_supply supplies[STONE_FORWARDS_MAX + 1];
	struct sleeper sleepers[STONE_FORWARDS_MAX];
};

/* ---- shared_pool.c ---- */

/* No more connections: it drains, and ends if it is empty. */
void shared_pool_stop(struct shared_pool *k, struct session *s);

/* ---- shared_stages.c ---- */

/* Its process has told something, or is gone: of the source in a session. */
void shared_stages_news(struct shared_pool *k, struct pool_source *source);

/* It takes no more connections; or cannot be opened, and never will. */
void shared_stages_drain(struct shared_pool *k, struct session *s);

/* It ends, for the pool: frees s. */
void shared_stages_forget(struct shared_pool *k, struct session *s);

/* ---- shared_elastic.c ---- */

/* A session has told how busy it is. */
void shared_elastic_load(
    struct shared_pool *k, struct session *s, enum shared_load_level level);

/* A session takes no connections any more, or has begun to. */
void shared_elastic_count(struct shared_pool *k, size_t index);

/*
 * Ends what sessions of an elastic forward there is no use for, shares new
 * connections out among the others, and, where there are none, waits at
 * listener. Returns when to call again at the latest.
 */
int64_t shared_elastic_tend(struct shared_pool *k, size_t index, int listener);

/* The listeners go to others, or close. */
void shared_elastic_forget(struct shared_pool *k);

#endif
