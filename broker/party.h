/*
 * All that is present of one key: what pairing.c and pairing_park.c share, and
 * nobody else knows.
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
	int rival_told;      /* see pairing_rival */
	UT_hash_handle hh;
};

/* The party of key, made where there is none; NULL with errno. */
struct party *party_get(struct pairing *table, const struct customer_key *key);

#endif
