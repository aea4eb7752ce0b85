/*
 * What the store is told of this relay: that it lives, by a lease, and which
 * keys have agents here. The store may lose all at any time: the lease shows
 * it, and all is told again.
 */
#ifndef PRESENCE_PUBLISHER_H
#define PRESENCE_PUBLISHER_H

#include "presence/entries.h"
#include "presence/names.h"
#include "presence/store.h"

#define PUBLISHER_EPOCH_SIZE 17 /* 64 bits in hex, with the NUL */

struct publisher {
	struct store *store;
	const struct settings *settings;
	char epoch[PUBLISHER_EPOCH_SIZE]; /* of this process, by chance */
	struct entries entries;
	struct entry_list settled; /* the store has them, or is about to */
	struct entry_list dirty;   /* it is to be told of */
	struct entry_list fading;  /* gone, but perhaps only for a moment */
	struct entry_list leaving; /* the store was told that they are gone */
	size_t under_way;          /* commands */
	size_t published;          /* entries that are here */
	int has_lease;             /* since the store is up */
	int64_t beat_at;           /* base/deadline.h */
	int64_t renew_at;
	int64_t name_complaint;
	void *owner;
	void (*anew)(void *owner); /* all is told again */
};

/* owner and anew are set. Returns 0, or -1 with errno. */
int publisher_init(
    struct publisher *p, struct store *store, const struct settings *settings);

/* The store's greet: writes the lease, and with it all there is. */
void publisher_greet(struct publisher *p);

/* The broker begins to tell, and has told all. */
void publisher_begin(struct publisher *p);
void publisher_all_told(struct publisher *p);

/* Agents of key are here, or none any more. Without memory it stays untold. */
void publisher_note(
    struct publisher *p, const struct customer_key *key, int here);

int64_t publisher_due(const struct publisher *p);
void publisher_turn(struct publisher *p);

void publisher_free(struct publisher *p);

#endif
