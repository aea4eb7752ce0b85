/* The pairing rules: see pairing.h. */
#include "pairing.h"
#include "pairing_news.h"
#include "party.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pairing *
pairing_new(void)
{
	struct pairing *table = calloc(1, sizeof(*table));

	if (table != NULL)
		STAILQ_INIT(&table->news);
	return table;
}

void
pairing_free(struct pairing *table)
{
	pairing_news_end(table);
	free(table);
}

struct party *
party_get(struct pairing *table, const struct customer_key *key)
{
	struct party *party;

	HASH_FIND(hh, table->parties, key, sizeof(*key), party);
	if (party != NULL)
		return party;
	party = calloc(1, sizeof(*party));
	if (party == NULL)
		return NULL;
	party->key = *key;
	TAILQ_INIT(&party->agents);
	TAILQ_INIT(&party->suspects);
	TAILQ_INIT(&party->stones);
	TAILQ_INIT(&party->parked);
	HASH_ADD(hh, table->parties, key, sizeof(*key), party);
	if (party->hh.tbl == NULL) {
		free(party);
		errno = ENOMEM;
		return NULL;
	}
	return party;
}

void
party_remove_if_empty(struct pairing *table, struct party *party)
{
	if (party->nwaiters > 0 || party->is_news)
		return;
	if (table->walk == party)
		table->walk = party->hh.next;
	HASH_DEL(table->parties, party);
	free(party);
}

static struct queue *
queue_of(const struct waiter *w)
{
	if (w->role == ROLE_STONE)
		return &w->party->stones;
	if (w->state == WAITER_PARKED)
		return &w->party->parked;
	return w->suspect ? &w->party->suspects : &w->party->agents;
}

static unsigned *
count_of(const struct waiter *w)
{
	return w->role == ROLE_STONE ? &w->party->nstones : &w->party->nagents;
}

static void
put_first(struct waiter *w)
{
	TAILQ_INSERT_HEAD(queue_of(w), w, link);
	++*count_of(w);
	w->party->nforwarded += (unsigned)w->forwarded;
}

static void
put_last(struct waiter *w)
{
	TAILQ_INSERT_TAIL(queue_of(w), w, link);
	++*count_of(w);
	w->party->nforwarded += (unsigned)w->forwarded;
}

static void
take_out(struct waiter *w)
{
	TAILQ_REMOVE(queue_of(w), w, link);
	--*count_of(w);
	w->party->nforwarded -= (unsigned)w->forwarded;
}

enum verdict
pairing_judge(const struct entitlement *grant, uint64_t now)
{
	if (!grant->allow)
		return PAIRING_NOT_ALLOWED;
	return now >= grant->customer.expire ? PAIRING_EXPIRED : PAIRING_WAIT;
}

static enum verdict
judge(const struct party *party, const struct waiter *w,
    const struct entitlement *grant, uint64_t now)
{
	const struct customer *customer = &grant->customer;
	const enum verdict verdict = pairing_judge(grant, now);

	if (verdict != PAIRING_WAIT)
		return verdict;
	if (w->role == ROLE_AGENT && party->nagents >= grant->max_agents)
		return PAIRING_MAX_AGENTS;
	if (w->role == ROLE_AGENT)
		return party->nagents < PAIRING_AGENTS_MAX ? PAIRING_WAIT
							   : PAIRING_TOO_MANY;
	if ((w->wants & ~customer->type) != 0)
		return PAIRING_TYPE;
	if (party->nstones >= PAIRING_STONES_MAX)
		return PAIRING_TOO_MANY;
	if (w->forwarded)
		return PAIRING_WAIT;
	/* a waiting stone counts: it must not be refused once it is matched */
	if (party_held(party) >= customer->nusers)
		return PAIRING_NUSERS;
	return PAIRING_WAIT;
}

enum verdict
pairing_enter(struct pairing *table, struct waiter *w,
    const struct customer_key *key, const struct entitlement *grant,
    uint64_t now)
{
	struct party *party = party_get(table, key);
	enum verdict verdict;

	if (party == NULL)
		return PAIRING_NO_MEMORY;
	verdict = judge(party, w, grant, now);
	if (verdict != PAIRING_WAIT) {
		party_remove_if_empty(table, party);
		return verdict;
	}
	w->party = party;
	w->state = WAITER_WAITING;
	w->suspect = 0;
	put_last(w);
	party->nwaiters++;
	party_note(table, party);
	return PAIRING_WAIT;
}

struct waiter *
pairing_rival(const struct waiter *w)
{
	struct party *party = w->party;
	struct waiter *first = TAILQ_FIRST(&party->parked);

	if (first == NULL)
		first = TAILQ_FIRST(&party->agents);
	if (party->rival_told || w->role != ROLE_AGENT || w->agent == 0 ||
	    first == NULL || first->agent == 0 || first->agent == w->agent)
		return NULL;
	party->rival_told = 1;
	return first;
}

int
pairing_announce(struct pairing *table, struct waiter *w,
    const struct customer_key *key, int has_slot)
{
	struct party *party = party_get(table, key);

	if (party == NULL)
		return -1;
	w->party = party;
	w->state = WAITER_IN_SESSION;
	w->has_slot = has_slot;
	party->nwaiters++;
	party->nsessions += (unsigned)has_slot;
	party_note(table, party);
	return 0;
}

static void
start_session(struct waiter *w)
{
	take_out(w);
	w->state = WAITER_IN_SESSION;
	w->has_slot = w->role == ROLE_STONE && !w->forwarded;
	w->party->nsessions += (unsigned)w->has_slot;
}

static void
give_back(struct waiter *w)
{
	w->party->nsessions -= (unsigned)w->has_slot;
	w->has_slot = 0;
}

void
pairing_give_back(struct pairing *table, struct waiter *w)
{
	give_back(w);
	party_note(table, w->party);
}

uint32_t
pairing_hold(struct pairing *table, struct waiter *w)
{
	TAILQ_REMOVE(queue_of(w), w, link);
	w->state = WAITER_HELD;
	party_told_held(table, w->party);
	return party_held(w->party);
}

void
pairing_release(struct waiter *w)
{
	w->state = WAITER_WAITING;
	TAILQ_INSERT_TAIL(queue_of(w), w, link);
}

int
pairing_next(struct pairing *table, const struct waiter *w,
    struct waiter **agent, struct waiter **stone)
{
	struct party *party = w->party;

	*stone = TAILQ_FIRST(&party->stones);
	*agent = TAILQ_FIRST(&party->agents);
	if (*agent == NULL)
		*agent = TAILQ_FIRST(&party->suspects);
	if (*agent == NULL || *stone == NULL)
		return 0;
	start_session(*agent);
	start_session(*stone);
	party_note(table, party);
	return 1;
}

int
pairing_meet(struct pairing *table, struct waiter *agent, struct waiter *stone,
    const struct customer_key *key)
{
	if (stone->state != WAITER_WAITING || stone->forwarded ||
	    memcmp(&stone->party->key, key, sizeof(*key)) != 0 ||
	    pairing_announce(table, agent, key, 0) == -1)
		return 0;
	start_session(stone);
	return 1;
}

void
pairing_wait_again(struct pairing *table, struct waiter *w)
{
	give_back(w);
	w->state = WAITER_WAITING;
	put_first(w);
	party_note(table, w->party);
}

void
pairing_suspect(const struct waiter *w, uint64_t agent)
{
	struct party *party = w->party;
	struct waiter *a, *next;

	if (agent == 0)
		return;
	for (a = TAILQ_FIRST(&party->agents); a != NULL; a = next) {
		next = TAILQ_NEXT(a, link);
		if (a->agent != agent)
			continue;
		TAILQ_REMOVE(&party->agents, a, link);
		a->suspect = 1;
		TAILQ_INSERT_TAIL(&party->suspects, a, link);
	}
}

const struct customer_key *
pairing_key(const struct waiter *w)
{
	return &w->party->key;
}

int
pairing_lacks(const struct waiter *w)
{
	return w->party->nagents < w->party->nstones;
}

struct waiter *
pairing_stone(const struct waiter *w)
{
	return TAILQ_FIRST(&w->party->stones);
}

void
pairing_leave(struct pairing *table, struct waiter *w)
{
	struct party *party = w->party;

	if (w->state == WAITER_ABSENT)
		return;
	if (w->state == WAITER_WAITING || w->state == WAITER_PARKED)
		take_out(w);
	else if (w->state != WAITER_IN_SESSION)
		--*count_of(w);
	party->nwaking -= w->state == WAITER_WAKING;
	give_back(w);
	w->state = WAITER_ABSENT;
	w->party = NULL;
	party->nwaiters--;
	party_note(table, party);
	party_remove_if_empty(table, party);
}
