/*
 * "relay-stone status": what the server knows of its forwards, which it hears
 * from the processes of their sessions, and who asks (status/status.h).
 */
#ifndef STONE_STATUS_H
#define STONE_STATUS_H

#include "stone/forward.h"

#include <sys/types.h>

struct stone_status;

/*
 * Begins for the configuration file ("": none). Where nobody can ask, that is
 * logged, and all else works. Returns NULL with errno; for stone_status_free.
 */
struct stone_status *stone_status_new(const char *file);
void stone_status_free(struct stone_status *s);

/* What is known of set's places goes on; their sessions tell s from now on. */
void stone_status_renew(struct stone_status *s, struct forwards *set);

/* In a child: closes all but what it tells by. */
void stone_status_forget(struct stone_status *s);

/* A process serves one connection of the forward; it has ended. */
void stone_status_started(
    struct stone_status *s, const struct forward *forward, pid_t pid);
void stone_status_ended(struct stone_status *s, pid_t pid);

/*
 * In a session: how it went with the relay; "": well. NULL for
 * forward->status: nobody hears.
 */
void stone_status_tell(const struct forward *forward, const char *error);

/*
 * In a session of many connections: so many more have come. Returns 0, or -1
 * where nobody heard it: tell it again, then.
 */
int stone_status_connections(const struct forward *forward, uint64_t count);

/* What is to be waited for: news, and who asks; -1: nobody can. */
int stone_status_news(const struct stone_status *s);
int stone_status_listener(const struct stone_status *s);

/* Takes the news, which are of sessions of set, and answers. Never blocks. */
struct shared_pool;
void stone_status_serve(struct stone_status *s, const struct forwards *set,
    const struct shared_pool *shared);

/* Asks the relay-stone with this file. Returns a sysexits(3) code. */
int stone_status_run(const char *file, int json);

#endif
