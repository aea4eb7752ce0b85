/*
 * What the broker tells an administrator: requests, and the rows of an answer.
 * Each is the body of one message (message.h). An answer is any number of
 * rows and then one ADMIN_DONE.
 */
#ifndef IPC_ADMIN_ROWS_H
#define IPC_ADMIN_ROWS_H

#include "base/netaddr.h"
#include "config/entitlement.h"
#include "config/identity.h"
#include "config/node_name.h"
#include "ipc/refusal.h"

#include <stdint.h>

#define ADMIN_ARGUMENT_MAX 128
#define ADMIN_TEXT_MAX     256
#define AGENT_VERSION_MAX  32 /* what X-Ver names, cut there */

enum admin_command {
	ADMIN_STATUS = 1, /* one row_status */
	ADMIN_WAITERS,    /* a row_waiter for each agent and stone that waits */
	ADMIN_SESSIONS,   /* a row_session for each */
	ADMIN_CUSTOMERS,  /* a row_customer for each */
	ADMIN_KICK,       /* argument: id, customer or fingerprint */
	ADMIN_DRAIN,
	ADMIN_RELOAD,    /* answered when all handlers have checked again */
	ADMIN_LOG_LEVEL, /* argument: a level's word */
	ADMIN_RECENT,    /* a row_refusal for each, the newest first */
};

struct message_admin {
	uint32_t command; /* enum admin_command */
	uint32_t reserved;
	char argument[ADMIN_ARGUMENT_MAX];
};

/*
 * "An administrator at another relay wants this": of relay-peer, which knows
 * him by his certificate. Only what admin_may_cross says.
 */
struct message_admin_for {
	struct message_admin admin;
	char administrator[NODE_NAME_SIZE]; /* his name; not empty */
};

/*
 * Whether command may come from another relay: what only tells, and what an
 * operator does to all of them at once.
 */
int admin_may_cross(uint32_t command);

/* Its word, as relayctl(8) has it; "" for none. */
const char *admin_command_word(uint32_t command);

struct row_status {
	uint64_t uptime; /* seconds */
	uint64_t agents; /* waiting */
	uint64_t stones; /* waiting */
	uint64_t sessions;
	uint64_t sealed;         /* of the sessions */
	uint64_t bare;           /* of these, in both directions */
	uint64_t sessions_total; /* begun by this broker */
	uint64_t sealed_total;   /* likewise, of sessions that became so */
	uint64_t bare_total;
	uint64_t refused_total;
	uint64_t kicked_total;
	uint64_t reloads_total;
	uint64_t reload_failures_total;
	uint64_t parked;              /* of the agents, without a handler */
	uint64_t parked_total;        /* how often one was */
	uint64_t woken_total;         /* handed to a spawner */
	uint64_t wake_failures_total; /* of these: nobody came in time */
	uint64_t files;               /* that the broker has, nearly */
	uint64_t files_max;           /* its limit of them; 0: unknown */
	uint32_t pid;
	uint32_t draining;
	uint32_t spawners; /* relay-listen processes attached */
	uint32_t log_level;
	uint32_t spawner;  /* pid of the one that was attached last */
	uint32_t instance; /* by chance: no broker before had the same */
	uint32_t peer;     /* pid of the relay-peer that is attached; 0: none */
	uint32_t presence; /* likewise of relay-presence, */
	uint32_t store_up; /* and what it said last of the store */
	uint32_t reserved;
	uint64_t published;
	uint64_t lookups_total, lookup_failures_total;
	uint64_t reach_total;        /* stones that it was asked for */
	uint64_t crossing_out_total; /* sessions whose agent is elsewhere */
	uint64_t crossing_in_total;  /* whose stone is */
	char version[16];
	uint64_t tls_refused[REFUSAL_TLS_KINDS]; /* of kind 1 and on */
};

struct row_waiter {
	uint32_t id;
	uint32_t role;    /* enum role */
	uint64_t seconds; /* that it waits */
	uint64_t agent;   /* the agent process, 0 if unknown */
	struct identity identity;
	struct identity fingerprint; /* of the certificate as it came */
	char customer[CUSTOMER_NAME_SIZE];
	char peer[NETADDR_TEXT_MAX];
	uint32_t rtt;                    /* microseconds; 0: unknown */
	uint32_t retransmits;            /* segments, as last reported */
	char version[AGENT_VERSION_MAX]; /* "": unknown */
	uint32_t parked;                 /* enum waiter_parked */
	uint32_t reserved;
};

/* Whether an agent that waits has a handler. */
enum waiter_parked {
	WAITER_HAS_HANDLER,
	WAITER_IS_PARKED,
	WAITER_IS_WOKEN, /* it is to get one */
	WAITER_PARKED_KINDS
};

/* "ready", "parked" or "woken", for people. */
const char *waiter_parked_word(uint32_t parked);

struct row_session {
	uint32_t id;
	uint32_t tls; /* enum session_tls; BARE: both directions are */
	uint64_t seconds;
	uint64_t up; /* bytes from the stone, as last reported */
	uint64_t down;
	struct identity stone_identity, agent_identity;
	char customer[CUSTOMER_NAME_SIZE];
	char stone[NETADDR_TEXT_MAX]; /* "": unknown yet */
	char agent[NETADDR_TEXT_MAX];
	uint32_t stone_rtt, agent_rtt; /* microseconds; 0: unknown */
	uint32_t stone_retransmits, agent_retransmits;
	char version[AGENT_VERSION_MAX]; /* the agent's */
	/* the relay that it is at, ""; this one */
	char stone_node[NODE_NAME_SIZE], agent_node[NODE_NAME_SIZE];
};

struct row_customer {
	char name[CUSTOMER_NAME_SIZE];
	uint32_t nusers;
	uint32_t type;
	uint64_t expire;
	uint32_t max_agents;
	uint32_t allow;
	uint32_t present; /* 0: no longer in the file, but was seen */
	uint32_t agents;  /* waiting */
	uint32_t stones;  /* waiting */
	uint32_t sessions;
	uint64_t sessions_total;
	uint64_t refused_total;
	uint64_t up_total; /* bytes from stones */
	uint64_t down_total;
};

/* Somebody who was turned away, as often as that was said of the same. */
struct row_refusal {
	uint64_t when;   /* Unix time; the last */
	uint32_t kind;   /* enum refusal_kind */
	uint32_t status; /* HTTP status, 0: none was told */
	uint32_t times;
	uint32_t role;                     /* enum role, 0: unknown */
	struct identity identity;          /* all zero: unknown */
	struct identity fingerprint;       /* of the certificate as it came */
	char customer[CUSTOMER_NAME_SIZE]; /* "": unknown */
	char peer[NETADDR_TEXT_MAX];
	char reason[REFUSAL_REASON_MAX]; /* plain ASCII */
};

struct message_admin_done {
	uint32_t failed; /* 0: it was done */
	uint32_t count;  /* rows, or handlers that it concerned */
	char text[ADMIN_TEXT_MAX];
};

#endif
