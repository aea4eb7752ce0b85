/*
 * The supply of one forward's shared sessions: how many there are, how many to
 * open and when, and whether relay-stone has to serve the connections itself
 * until then. Pure; times are of base/deadline.h.
 */
#ifndef STONE_SHARED_SUPPLY_H
#define STONE_SHARED_SUPPLY_H

#include "base/backoff.h"

#include <stddef.h>
#include <stdint.h>

/* An agent that knows of no shared sessions is asked again after this. */
#define SHARED_SUPPLY_PLAIN_MS 600000

/* Of the elastic kind: the most there are, and */
#define SHARED_SUPPLY_MOST 4
/* how long one is kept ready after the last connection. */
#define SHARED_SUPPLY_AWAKE_MS 600000

struct shared_supply {
	unsigned sessions; /* to be there, or the fewest while awake */
	int elastic;       /* there are as many as there is use for */
	size_t ready, opening;
	size_t busy, full; /* of those that are ready */
	int64_t awake;     /* elastic: until when one is kept ready */
	int64_t crowded;   /* no further one is opened before */
	int64_t unready;   /* since when none is ready, where that is so */
	int down;          /* and the last attempt to open one failed */
	int64_t plain;     /* until when the agent is not asked for any */
	int64_t due;       /* none is opened before */
	struct backoff backoff;
};

/* sessions 0: none are to be there. */
void shared_supply_init(
    struct shared_supply *l, unsigned sessions, int elastic, int64_t now);

/* How many to open now. */
size_t shared_supply_wanted(const struct shared_supply *l, int64_t now);

/* Whether relay-stone itself is to take the connections. */
int shared_supply_absent(const struct shared_supply *l, int64_t now);

/* Whether there are none until a connection comes, which shared_supply_wake
 * tells. */
int shared_supply_asleep(const struct shared_supply *l, int64_t now);
void shared_supply_wake(struct shared_supply *l, int64_t now);

/* A connection came that relay-stone itself has taken. */
void shared_supply_used(struct shared_supply *l, int64_t now);

/* The last one ends as there is no use for it. */
void shared_supply_rest(struct shared_supply *l, int64_t now);

/*
 * When one of these answers may change by the passing of time; DEADLINE_NONE:
 * it does not.
 */
int64_t shared_supply_next_change(const struct shared_supply *l, int64_t now);

/* One is being opened. */
void shared_supply_opening(struct shared_supply *l);

/* One that was being opened is ready. */
void shared_supply_ready(struct shared_supply *l);

/* One that was being opened could not be: backs off. */
void shared_supply_failed(struct shared_supply *l, int64_t now);

/* One that was ready since then is lost: backs off. */
void shared_supply_lost(struct shared_supply *l, int64_t since, int64_t now);

/* One that was ready (was_ready), or being opened, begins to drain. */
void shared_supply_left(struct shared_supply *l, int was_ready, int64_t now);

/* The agent knows of no shared sessions. */
void shared_supply_plain(struct shared_supply *l, int64_t now);

/* No process could be made for one: backs off. */
void shared_supply_back_off(struct shared_supply *l, int64_t now);

#endif
