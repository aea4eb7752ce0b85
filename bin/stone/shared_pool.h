/*
 * The shared sessions that relay-stone keeps: so many of each forward that asks
 * for them (--sessions), opened ahead, each a process (shared.h), and
 * another one where one ends. They take the connections themselves. While a
 * forward has none that could, or its agent knows nothing of them, its
 * connections are relay-stone's to serve, each with a session of its own.
 */
#ifndef STONE_SHARED_POOL_H
#define STONE_SHARED_POOL_H

#include "fork/forker.h"
#include "stone/forward.h"

struct stone_sessions;

/*
 * Forks a process with a session of its own for sock, of the forward with this
 * index, and closes sock.
 */
typedef void stone_sessions_alone(struct forker *f, size_t index, int sock);

/* Returns a keeper without sessions, or NULL with errno. */
struct stone_sessions *stone_sessions_new(void);

/* Closes what leads to them, by which they drain, and frees. NULL is fine. */
void stone_sessions_free(struct stone_sessions *k);

/* Whether relay-stone itself is to listen for the forward with this index. */
int stone_sessions_absent(
    const struct stone_sessions *k, const struct forwards *set, size_t index);

/*
 * Opens what sessions are due, and finds connections that come back another
 * one. Sets *fd to what tells of the sessions, for stone_sessions_serve, and
 * returns when to call again at the latest (base/deadline.h).
 */
int64_t stone_sessions_tend(struct stone_sessions *k, struct forker *f,
    struct forwards *set, int *fd, stone_sessions_alone *alone);
void stone_sessions_serve(struct stone_sessions *k);

/* The forwards of old become those of set: all sessions open anew. */
void stone_sessions_renew(struct stone_sessions *k, const struct forwards *old,
    const struct forwards *set);

/* No more connections: they drain, and the empty ones end. */
void stone_sessions_drain(struct stone_sessions *k);

#endif
