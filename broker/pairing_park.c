/* The rules of parking: see pairing_park.h. */
#include "pairing_park.h"
#include "party.h"

void
pairing_park_begin(struct waiter *w)
{
	struct party *party = w->party;

	TAILQ_REMOVE(w->suspect ? &party->suspects : &party->agents, w, link);
	w->state = WAITER_PARKING;
}

void
pairing_park_take(struct waiter *w)
{
	w->state = WAITER_PARKED;
	TAILQ_INSERT_TAIL(&w->party->parked, w, link);
}

int
pairing_park_restore(
    struct pairing *table, struct waiter *w, const struct customer_key *key)
{
	struct party *party = party_get(table, key);

	if (party == NULL)
		return -1;
	w->party = party;
	party->nwaiters++;
	party->nagents++;
	pairing_park_take(w);
	party_note(table, party);
	return 0;
}

struct waiter *
pairing_park_next(const struct waiter *w)
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
pairing_park_back(struct waiter *w)
{
	w->party->nwaking--;
	w->state = WAITER_PARKED;
	TAILQ_INSERT_HEAD(&w->party->parked, w, link);
}
