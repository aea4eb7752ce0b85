/* The rules of parking: see parked.h. */
#include "parked.h"
#include "party.h"

void
parked_begin(struct waiter *w)
{
	struct party *party = w->party;

	TAILQ_REMOVE(w->suspect ? &party->suspects : &party->agents, w, link);
	w->state = WAITER_PARKING;
}

void
parked_take(struct waiter *w)
{
	w->state = WAITER_PARKED;
	TAILQ_INSERT_TAIL(&w->party->parked, w, link);
}

int
parked_restore(
    struct pairing *table, struct waiter *w, const struct customer_key *key)
{
	struct party *party = party_get(table, key);

	if (party == NULL)
		return -1;
	w->party = party;
	party->nwaiters++;
	party->nagents++;
	parked_take(w);
	return 0;
}

struct waiter *
parked_next(const struct waiter *w)
{
	struct party *party = w->party;
	struct waiter *first = TAILQ_FIRST(&party->parked);

	if (first == NULL || party->nwaking >= party->nstones)
		return NULL;
	TAILQ_REMOVE(&party->parked, first, link);
	first->state = WAITER_WAKING;
	party->nwaking++;
	return first;
}

void
parked_back(struct waiter *w)
{
	w->party->nwaking--;
	w->state = WAITER_PARKED;
	TAILQ_INSERT_HEAD(&w->party->parked, w, link);
}
