/*
 * What the broker and relay-presence(8) tell each other: which customers have
 * agents and sessions here, and which relays have those of others. Each is the
 * body of one message (message.h).
 */
#ifndef IPC_PRESENCE_MESSAGES_H
#define IPC_PRESENCE_MESSAGES_H

#include "config/entitlement.h"
#include "config/node_name.h"

#include <stdint.h>

#define REACH_NODES_MAX 8

/* Relays, the likeliest first. */
struct message_nodes {
	uint32_t count;
	uint32_t reserved;
	char names[REACH_NODES_MAX][NODE_NAME_SIZE]; /* count of them */
};

/*
 * "Agents of this customer are here", or none any more, "and so many of its
 * sessions, with the stones that wait for one".
 */
struct message_party {
	struct customer_key key;
	uint32_t here; /* 0: no agent */
	uint32_t held; /* of nusers */
};

/* "Whom I have not named by now has nothing here." */
struct message_all_told {
	uint32_t reserved;
};

/* "This stone waits: which relays have agents of its customer?" */
struct message_ask {
	uint32_t id; /* the stone's */
	uint32_t reserved;
	struct customer_key key;
};

enum answer_verdict {
	ANSWER_FOUND = 1, /* nodes are some that do */
	ANSWER_NOWHERE,
	ANSWER_UNKNOWN, /* the store does not say */
};

/* "These", of a stone that was asked for; again where it has changed. */
struct message_answer {
	uint32_t id;
	uint32_t verdict; /* enum answer_verdict */
	struct message_nodes nodes;
};

/* "May this stone come, with what its customer has at all relays?" */
struct message_admit {
	uint32_t id;    /* the stone's */
	uint32_t held;  /* as in PARTY, with this one */
	uint32_t limit; /* its customer's nusers */
	uint32_t reserved;
	struct customer_key key;
};

enum admit_verdict {
	ADMIT_GRANTED = 1,
	ADMIT_REFUSED,
	ADMIT_UNKNOWN, /* the store does not say */
};

struct message_admitted {
	uint32_t id;
	uint32_t verdict; /* enum admit_verdict */
};

/* "So the store does", every few seconds. */
struct message_store {
	uint32_t up;
	uint32_t reserved;
	uint64_t published; /* keys that it has of this relay */
	uint64_t lookups_total, lookup_failures_total;
};

#endif
