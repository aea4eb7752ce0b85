/*
 * How busy a shared session is, which decides whether there are to be others
 * beside it. Looked at once a second while there are connections. Pure; times
 * are of base/deadline.h.
 */
#ifndef STONE_SHARED_LOAD_H
#define STONE_SHARED_LOAD_H

#include <stddef.h>
#include <stdint.h>

enum shared_load_level {
	LOAD_IDLE, /* no connections */
	LOAD_CALM,
	LOAD_BUSY, /* connections are in each other's way, or soon will be */
	LOAD_FULL, /* the agent allows no more of them */
};

struct shared_load {
	enum shared_load_level level;
	int64_t at;      /* when it was looked at last */
	uint64_t moved;  /* bytes, by then */
	int64_t busy_at; /* when there was much, last; 0: never */
};

/*
 * When to look next; come: connections have, since the last look;
 * DEADLINE_NONE: once there are some.
 */
int64_t shared_load_next(
    const struct shared_load *l, size_t streams, size_t vacant, int come);

/*
 * Looks: streams are open, vacant more could be, and so many bytes were moved
 * in all. Returns whether the level has changed.
 */
int shared_load_judge(struct shared_load *l, size_t streams, size_t vacant,
    uint64_t moved, int64_t now);

#endif
