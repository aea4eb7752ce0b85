/*
 * The customers that have agents here, or had a moment ago, as the publisher
 * keeps them: by key, and each in one of its lists.
 */
#ifndef PRESENCE_ENTRIES_H
#define PRESENCE_ENTRIES_H

#include "base/hash.h"
#include "config/entitlement.h"

#include <stdint.h>
#include <sys/queue.h>

struct entry;
TAILQ_HEAD(entry_list, entry);

struct entry {
	struct customer_key key;
	struct entry_list *list; /* where it is; NULL: nowhere yet */
	int64_t fades_at;        /* base/deadline.h */
	int here;
	int heard; /* of the broker, since it began to tell */
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) link;
};

struct entries {
	struct entry *all;
};

/* NULL where there is none. */
struct entry *entries_find(
    const struct entries *entries, const struct customer_key *key);

/* The same, but makes one, in no list; NULL without memory. */
struct entry *entries_get(
    struct entries *entries, const struct customer_key *key);

/* Puts e last into list, and out of that in which it was. */
void entry_move(struct entry *e, struct entry_list *list);

/* Frees e, which is in a list. */
void entries_forget(struct entries *entries, struct entry *e);

/* Frees all: their lists are void then. */
void entries_free(struct entries *entries);

#endif
