/* One forward's shared sessions: see shared_supply.h. */
#include "stone/shared_supply.h"
#include "base/deadline.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 15000
#define PROVEN_MS      10000 /* one that was ready so long forgives failures */
#define WAIT_MS        2000  /* of connections, for a session to be ready */

void
shared_supply_init(struct shared_supply *l, int64_t now)
{
	*l = (struct shared_supply){.unready = now};
	backoff_init(&l->backoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
}

static int
is_plain(const struct shared_supply *l, int64_t now)
{
	return l->plain > now;
}

/* The first one tells whether the agent knows of it; then the others come. */
size_t
shared_supply_wanted(
    const struct shared_supply *l, unsigned sessions, int64_t now)
{
	size_t have = l->ready + l->opening;

	if (is_plain(l, now) || l->due > now)
		return 0;
	if (l->ready == 0)
		return sessions > 0 && l->opening == 0;
	return have < sessions ? sessions - have : 0;
}

int
shared_supply_absent(const struct shared_supply *l, int64_t now)
{
	return is_plain(l, now) ||
	       (l->ready == 0 && (l->down || now >= l->unready + WAIT_MS));
}

int64_t
shared_supply_next_change(const struct shared_supply *l, int64_t now)
{
	int64_t until = DEADLINE_NONE;

	if (is_plain(l, now))
		return l->plain;
	if (l->due > now)
		until = l->due;
	if (l->ready == 0 && l->unready + WAIT_MS > now)
		until = deadline_first(until, l->unready + WAIT_MS);
	return until;
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
	shared_supply_back_off(l, now);
}

void
shared_supply_lost(struct shared_supply *l, int64_t since, int64_t now)
{
	shared_supply_left(l, 1, now);
	if (now - since >= PROVEN_MS)
		backoff_reset(&l->backoff);
	shared_supply_back_off(l, now);
}

void
shared_supply_plain(struct shared_supply *l, int64_t now)
{
	l->plain = now + SHARED_SUPPLY_PLAIN_MS;
}

void
shared_supply_back_off(struct shared_supply *l, int64_t now)
{
	l->due = now + backoff_next(&l->backoff);
}
