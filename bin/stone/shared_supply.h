/*
 * How one forward's shared sessions fare: how many there are, how many are to
 * be opened and when, and whether relay-stone must serve its connections itself
 * meanwhile. Pure; times are of base/deadline.h.
 */
#ifndef STONE_SHARED_SUPPLY_H
#define STONE_SHARED_SUPPLY_H

#include "base/backoff.h"

#include <stddef.h>
#include <stdint.h>

/* Until an agent that knows of none is asked anew. */
#define SHARED_SUPPLY_PLAIN_MS 600000

struct shared_supply {
	size_t ready, opening;
	int64_t unready; /* none has been ready since then */
	int down;        /* nor could one be opened */
	int64_t plain;   /* the agent takes no shared ones, until then */
	int64_t due;     /* none is opened before */
	struct backoff backoff;
};

void shared_supply_init(struct shared_supply *l, int64_t now);

/* How many are to be opened now, of so many that are to be there. */
size_t shared_supply_wanted(
    const struct shared_supply *l, unsigned sessions, int64_t now);

/* Whether relay-stone itself is to take the connections. */
int shared_supply_absent(const struct shared_supply *l, int64_t now);

/* When one of these changes by itself; DEADLINE_NONE: not at all. */
int64_t shared_supply_next_change(const struct shared_supply *l, int64_t now);

/* One is being opened; has become ready; has ended, being neither yet. */
void shared_supply_opening(struct shared_supply *l);
void shared_supply_ready(struct shared_supply *l);
void shared_supply_failed(struct shared_supply *l, int64_t now);

/* One that was opening or ready (was_ready, since then) is no more. */
void shared_supply_left(struct shared_supply *l, int was_ready, int64_t now);
void shared_supply_lost(struct shared_supply *l, int64_t since, int64_t now);

/* The agent knows nothing of shared sessions. */
void shared_supply_plain(struct shared_supply *l, int64_t now);

/* No process could be made. */
void shared_supply_back_off(struct shared_supply *l, int64_t now);

#endif
