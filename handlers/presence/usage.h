/*
 * How many sessions of each customer are here, as the store is told, and
 * whether one more may be: it counts those of all relays that live, and writes
 * the new figure of this one in the same step, so that of many that come at
 * once no more than nusers get in.
 */
#ifndef PRESENCE_USAGE_H
#define PRESENCE_USAGE_H

#include "ipc/message.h"
#include "presence/store.h"

#include <sys/queue.h>

struct use;
struct admission;
TAILQ_HEAD(use_list, use);
TAILQ_HEAD(admission_list, admission);

struct usage {
	struct store *store;
	const struct settings *settings;
	const char *epoch; /* of this process, for as long as it lives */
	struct use *all;   /* by key */
	struct use_list settled;
	struct use_list dirty;        /* the store is to be told of */
	struct admission_list asking; /* the longest first */
	size_t under_way;             /* commands */
	int64_t review_at;            /* base/deadline.h */
	void *owner;
	void (*tell)(void *owner, const struct message *m); /* the broker */
};

/* owner and tell are set. */
void usage_init(struct usage *u, struct store *store,
    const struct settings *settings, const char *epoch);

/* The broker's PARTY and ADMIT. */
void usage_note(struct usage *u, const struct customer_key *key, uint32_t held);
void usage_admit(struct usage *u, const struct message_admit *m);

/* The broker begins to tell, has told all, or is gone. */
void usage_begin(struct usage *u);
void usage_all_told(struct usage *u);
void usage_forget(struct usage *u);

/* The store may have lost all: it is told again. */
void usage_tell_all(struct usage *u);

int64_t usage_due(const struct usage *u);
void usage_turn(struct usage *u);

/* After store_free. */
void usage_free(struct usage *u);

#endif
