/*
 * Which relays have agents for the stones that the broker asks for: by the
 * store, and again every now and then while a stone waits. The store is
 * believed in no more than that: a name that relay.conf(5) does not have is
 * none.
 */
#ifndef PRESENCE_LOOKUP_H
#define PRESENCE_LOOKUP_H

#include "ipc/message.h"
#include "presence/publisher.h"
#include "presence/store.h"

#include <sys/queue.h>

struct asked;
TAILQ_HEAD(asked_list, asked);

struct lookups {
	struct store *store;
	const struct settings *settings;
	struct asked *all;        /* by id */
	struct asked_list asking; /* the store; the longest first */
	struct asked_list resting;
	/* which start of each relay lives, as conf.peers; "": not known */
	char epochs[CONF_PEERS_MAX][PUBLISHER_EPOCH_SIZE];
	int64_t leases_at; /* base/deadline.h; when to look for that again */
	uint64_t total, failures;
	void *owner;
	void (*tell)(void *owner, const struct message *m); /* the broker */
};

/* owner and tell are set. */
void lookups_init(
    struct lookups *l, struct store *store, const struct settings *settings);

/* The broker's ASK and LEFT. */
void lookups_ask(struct lookups *l, const struct message_ask *m);
void lookups_leave(struct lookups *l, uint32_t id);

/* Nobody asks any more: the broker is gone. */
void lookups_forget(struct lookups *l);

int64_t lookups_due(const struct lookups *l);
void lookups_turn(struct lookups *l);

#endif
