/*
 * All that is present of one key: what pairing.c, pairing_park.c and
 * pairing_news.c share, and nobody else knows.
 */
#ifndef PARTY_H
#define PARTY_H

#include "base/hash.h"
#include "pairing.h"

TAILQ_HEAD(queue, waiter);

struct party {
	struct customer_key key;
	struct queue agents;
	struct queue suspects;
	struct queue stones;
	struct queue parked;
	unsigned nagents; /* not in a session: suspects and parked ones too */
	unsigned nwaking; /* of them */
	unsigned nstones; /* waiting */
	unsigned nforwarded; /* of these, at another relay */
	unsigned nsessions;  /* slots taken */
	unsigned nwaiters;   /* of any role, in any state */
	uint8_t rival_told;  /* see pairing_rival */
	uint8_t told_here;   /* pairing_news.h: that it has agents */
	uint32_t told_held;  /* and so many slots; both of round told_in */
	uint32_t told_in;
	uint8_t is_news; /* it is in news, and lives as long */
	STAILQ_ENTRY(party) news;
	UT_hash_handle hh;
};

STAILQ_HEAD(news, party);

struct pairing {
	struct party *parties;
	struct news news;
	struct party *walk; /* the next that may be news; NULL: all were seen */
	uint32_t round; /* of who wants news, and knows nothing of others' */
	int tells;      /* somebody wants them */
	int closed;     /* no agent here is to be had from elsewhere */
};

/* The party of key, made where there is none; NULL with errno. */
struct party *party_get(struct pairing *table, const struct customer_key *key);

/* Forgets party, where nobody needs it any more. */
void party_remove_if_empty(struct pairing *table, struct party *party);

/* Of nusers, what is taken here: by sessions, and by stones that wait. */
uint32_t party_held(const struct party *party);

/* Its agents or sessions may have come, or gone: whether that is news. */
void party_note(struct pairing *table, struct party *party);

/* Who takes news has heard, in another way, what is held now. */
void party_told_held(struct pairing *table, struct party *party);

#endif
