/* One forward's shared sessions: see shared_supply.h. */
#include "stone/shared_supply.h"
#include "base/deadline.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 15000
#define PROVEN_MS      10000 /* one that was ready so long forgives failures */
#define WAIT_MS        2000  /* of connections, for a session to be ready */

void
shared_supply_init(
    struct shared_supply *l, unsigned sessions, int elastic, int64_t now)
{
	*l = (struct shared_supply){
	    .sessions = sessions, .elastic = elastic, .unready = now};
	backoff_init(&l->backoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
}

static int
is_plain(const struct shared_supply *l, int64_t now)
{
	return l->plain > now;
}

int
shared_supply_asleep(const struct shared_supply *l, int64_t now)
{
	return l->elastic && l->ready + l->opening == 0 && l->awake <= now;
}

static int
is_crowded(const struct shared_supply *l)
{
	return l->elastic && l->ready < SHARED_SUPPLY_MOST &&
	       l->busy == l->ready;
}

/* The first one tells whether the agent knows of it; then the others come. */
size_t
shared_supply_wanted(const struct shared_supply *l, int64_t now)
{
	const size_t have = l->ready + l->opening;

	if (is_plain(l, now) || l->due > now || shared_supply_asleep(l, now))
		return 0;
	if (l->ready == 0)
		return l->sessions > 0 && l->opening == 0;
	if (have < l->sessions)
		return l->sessions - have;
	return is_crowded(l) && l->opening == 0 && l->crowded <= now;
}

int
shared_supply_absent(const struct shared_supply *l, int64_t now)
{
	if (shared_supply_asleep(l, now))
		return 0;
	if (is_plain(l, now))
		return 1;
	if (l->ready > 0)
		return l->elastic && l->full == l->ready;
	return l->down || now >= l->unready + WAIT_MS;
}

/* Makes until the time at, where that is still to come. */
static void
note(int64_t *until, int64_t at, int64_t now)
{
	if (at > now)
		*until = deadline_first(*until, at);
}

int64_t
shared_supply_next_change(const struct shared_supply *l, int64_t now)
{
	int64_t until = DEADLINE_NONE;

	if (shared_supply_asleep(l, now))
		return until;
	if (l->ready == 0)
		note(&until, l->elastic ? l->awake : 0, now);
	if (is_plain(l, now))
		return deadline_first(until, l->plain);
	note(&until, l->due, now);
	if (l->ready == 0)
		note(&until, l->unready + WAIT_MS, now);
	else if (is_crowded(l))
		note(&until, l->crowded, now);
	return until;
}

void
shared_supply_wake(struct shared_supply *l, int64_t now)
{
	l->unready = l->due = now;
	l->down = 0;
	shared_supply_used(l, now);
}

void
shared_supply_used(struct shared_supply *l, int64_t now)
{
	l->awake = now + SHARED_SUPPLY_AWAKE_MS;
}

void
shared_supply_rest(struct shared_supply *l, int64_t now)
{
	l->awake = now;
}

void
shared_supply_opening(struct shared_supply *l)
{
	l->opening++;
}

void
shared_supply_ready(struct shared_supply *l)
{
	l->opening--;
	l->ready++;
	l->down = 0;
}

void
shared_supply_left(struct shared_supply *l, int was_ready, int64_t now)
{
	if (!was_ready)
		l->opening--;
	else if (--l->ready == 0)
		l->unready = now;
}

void
shared_supply_failed(struct shared_supply *l, int64_t now)
{
	shared_supply_left(l, 0, now);
	l->down = l->ready == 0;
	if (l->ready > 0)
		l->crowded = now + SHARED_SUPPLY_PLAIN_MS;
	shared_supply_back_off(l, now);
}

void
shared_supply_lost(struct shared_supply *l, int64_t since, int64_t now)
{
	shared_supply_left(l, 1, now);
	shared_supply_used(l, now);
	if (now - since >= PROVEN_MS)
		backoff_reset(&l->backoff);
	shared_supply_back_off(l, now);
}

void
shared_supply_plain(struct shared_supply *l, int64_t now)
{
	if (l->elastic && l->ready > 0) /* one of several agents */
		l->crowded = now + SHARED_SUPPLY_PLAIN_MS;
	else
		l->plain = now + SHARED_SUPPLY_PLAIN_MS;
}

void
shared_supply_back_off(struct shared_supply *l, int64_t now)
{
	l->due = now + backoff_next(&l->backoff);
}
