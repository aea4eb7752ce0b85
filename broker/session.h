/*
 * The table of live sessions: who is in it, since when, and what both handlers
 * reported of its end. One log line is written as the last of the two leaves.
 */
#ifndef SESSION_H
#define SESSION_H

#include "base/hash.h"
#include "config/identity.h"
#include "ipc/message.h"

#include <stdint.h>

struct conn; /* the broker's connection to a handler */

/* What is known of one side. */
struct session_side {
	struct conn *conn; /* NULL: not here yet, or gone */
	uint64_t agent;    /* the agent's process, 0 if unknown */
	uint32_t reason;   /* enum end_reason; 0: it left without a word */
	uint64_t bytes_in, bytes_out;
	uint32_t tls; /* enum session_tls */
	struct identity identity;
	char peer[NETADDR_TEXT_MAX];
	char node[NODE_NAME_SIZE]; /* the relay that it is at; "": this one */
};

struct session {
	uint32_t id;
	struct customer_key key;
	const char *customer; /* whose it is, the account's name */
	uint64_t started;     /* CLOCK_BOOTTIME, seconds */
	uint64_t up, down;    /* bytes from the stone, and to it */
	uint32_t tls;         /* enum session_tls; BARE: both directions are */
	const char *cause;    /* of a kick, static; NULL: none */
	int kick_counted;     /* an administrator's kick, which ends both */
	struct session_side agent, stone;
	UT_hash_handle hh;
};

struct sessions;

/* Returns an empty table for sessions_free, or NULL with errno (ENOMEM). */
struct sessions *sessions_new(void);

/* Frees the table and whatever is in it, without a log line. */
void sessions_free(struct sessions *table);

/*
 * Makes a session with an id that no other has; nobody is in it yet. customer,
 * for the log, must outlive it; started is CLOCK_BOOTTIME in seconds. The table
 * owns it. Returns NULL with errno.
 */
struct session *session_new(struct sessions *table,
    const struct customer_key *key, const char *customer, uint64_t started);

/*
 * Finds the session that was announced with id and key, or makes it.
 * Returns NULL with errno: EEXIST where another customer has that id.
 */
struct session *session_announced(struct sessions *table, uint32_t id,
    const struct customer_key *key, const char *customer, uint64_t started);

/* The side of role, for the broker to fill in. */
struct session_side *session_side(struct session *session, enum role role);

/*
 * Notes what the handler of role reports. Each knows all of what its own client
 * sends, and of the other's no more than came by it: up and down are the larger
 * of two.
 */
void session_note(struct sessions *table, struct session *session,
    enum role role, uint64_t in, uint64_t out, uint32_t tls);

/*
 * Takes the side of role out. As the last side leaves, logs the session with
 * its length up to now (CLOCK_BOOTTIME, seconds) and frees it.
 */
void session_leave(struct sessions *table, struct session *session,
    enum role role, uint64_t now);

/*
 * Why a session did not end well that role is the last to leave; *side becomes
 * the one that broke off. NULL where it did, was ended on purpose, or goes on.
 */
const char *session_fault(const struct session *session, enum role role,
    const struct session_side **side);

/* How many there are; sealed and bare, of them. */
size_t sessions_count(const struct sessions *table);
size_t sessions_sealed(const struct sessions *table);
size_t sessions_bare(const struct sessions *table);

/* Frees a session that came to nothing, without a log line. */
void session_cancel(struct sessions *table, struct session *session);

#endif
