/*
 * The shared sessions that relay-stone keeps, each a process (shared.h): so
 * many of each forward that asks for them (--sessions), opened ahead, and
 * another one where one ends; or, of one that does not say, as many as there is
 * use for (shared_supply.h). They take the connections themselves. While a
 * forward has none that could, or its agent knows nothing of them, its
 * connections are relay-stone's to serve, each with a session of its own.
 */
#ifndef STONE_SHARED_POOL_H
#define STONE_SHARED_POOL_H

#include "fork/forker.h"
#include "stone/forward.h"

struct shared_pool;

/* Returns a pool without sessions for set, or NULL with errno. */
struct shared_pool *shared_pool_new(const struct forwards *set);

/* Closes what leads to them, by which they drain, and frees. NULL is fine. */
void shared_pool_free(struct shared_pool *k);

/* Whether relay-stone itself is to listen for the forward with this index. */
int shared_pool_absent(
    const struct shared_pool *k, const struct forwards *set, size_t index);

/*
 * Opens what sessions are due, and finds connections that come back another
 * one, or has f serve them. Sets *fd to what tells of the sessions, for
 * shared_pool_serve, and returns when to call again at the latest
 * (base/deadline.h).
 */
int64_t shared_pool_tend(
    struct shared_pool *k, struct forker *f, struct forwards *set, int *fd);
void shared_pool_serve(struct shared_pool *k);

/* How many sessions of the forward with this index take connections, of how
 * many that are to be there. */
size_t shared_pool_ready(const struct shared_pool *k, size_t index);
size_t shared_pool_wanted(const struct shared_pool *k, size_t index);

/* relay-stone itself serves a connection of that forward. */
void shared_pool_used(struct shared_pool *k, size_t index);

/* The forwards of old become those of set: all sessions open anew. */
void shared_pool_renew(struct shared_pool *k, const struct forwards *old,
    const struct forwards *set);

/* No more connections: they drain, and the empty ones end. */
void shared_pool_drain(struct shared_pool *k);

#endif
