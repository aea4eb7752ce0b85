/*
 * Parked polls: agents of which the broker keeps no more than the connection,
 * and what it knew of them. A struct conn without a handler has a parked one.
 * The rules are pairing_park.h's; here are the sockets, the clock, and the
 * words with handlers and spawners.
 *
 *	parking.c       who is parked
 *	parked_signs.c  signs of life
 *	parked_trust.c  whether the certificates of who is parked are still good
 *	parked_store.c  who outlives a restart of the broker
 *	waking.c        who is woken
 */
#ifndef PARKING_H
#define PARKING_H

#include "config/revocation.h"
#include "ipc/parked_signs.h"
#include "ipc/wire.h"
#include "pairing.h"

#include <sys/queue.h>

struct broker;
struct conn;

TAILQ_HEAD(parked_list, parked);

struct parked {
	struct conn *conn;
	struct parked_list *list;       /* where it is, by age */
	int64_t until;                  /* base/deadline.h: it may stay there */
	uint64_t not_after;             /* of its certificates, Unix time */
	uint64_t chain[PARK_CHAIN_MAX]; /* config/revocation.h */
	int64_t window;       /* signs of life are counted up to then */
	uint32_t authorities; /* struct parking's, when it was parked */
	uint16_t signs;       /* so many came in the window */
	uint16_t cut;         /* bytes that came of the next one */
	TAILQ_ENTRY(parked) link;
};

/* In each list all have the same time, so that who came first ends first. */
struct parking {
	struct parked_list quiet;  /* who sends a sign of life now and then */
	struct parked_list cut;    /* of whose next one only a part came */
	struct parked_list waking; /* whose handler has not registered yet */
	size_t count;              /* all of these */
	int epoll;                 /* of their connections, but the last */
	int hears;                 /* it is being looked at */
	int64_t hear_at;           /* when to look at it next */
	struct conn *spawner;      /* who wakes them; NULL: to be found */
	int blocked;               /* it took no more: it is tried again */
	int64_t alone_until;       /* without a spawner nobody can be woken */
	uint64_t first_end; /* no certificate ends before; UINT64_MAX: none */
	struct revocations revoked;
	uint32_t authorities; /* how often these have changed */
	uint8_t authorities_sha256[32];
};

/* How long one may be silent: two signs of life may be lost. */
#define PARKING_QUIET_MS ((int64_t)PARKED_INTERVAL * 2500)

/* Between two tries to hand a connection over. */
#define WAKING_AGAIN_MS 20

/* Returns 0, or -1 with errno; in either case it is for parking_free. */
int parking_init(struct parking *p);
void parking_free(struct parking *p);

/* How many seconds c's agent has to wait for it; 0: it is never parked. */
uint32_t parking_after(const struct broker *b);

/* A handler's PARK and PARKED. Return 0, or -1 with errno: drop it. */
int parking_begin(struct broker *b, struct conn *c);
int parking_take(struct broker *b, struct conn *c, struct wire_packet *packet);

/*
 * c, of which waiter and table say that it is parked, is: its connection is
 * c->fd from now on, which is watched, and m has what its handler knew of it.
 * Returns 0, or -1 with errno.
 */
int parking_keep(
    struct broker *b, struct conn *c, const struct message_parked *m);

/* Who is parked waits for a spawner, which is not there, for a while. */
void parking_await_spawner(struct broker *b);

/*
 * Ends the parked poll of c, by a reset, which tells its agent to poll anew.
 * cause, for the log, is a word.
 */
void parking_end(struct broker *b, struct conn *c, const char *cause);

/* Has p stay in list for ms milliseconds. */
void parking_move(struct parked *p, struct parked_list *list, int64_t ms);

/* c is about to go: conn_drop's part. */
void parking_forget(struct broker *b, struct conn *c);

/* When parking_turn has something to do (base/deadline.h). */
int64_t parking_due(const struct broker *b);

/* Ends who is silent, and wakes the next where one does not come. */
void parking_turn(struct broker *b);

/* ---- parked_signs.c ---- */

/* Has c's connection, which c->fd is, heard from now on. Returns 0 or -1. */
int parked_signs_watch(struct broker *b, struct conn *c);

/* Answers the signs that have come, and ends whose connection has. */
void parked_signs_hear(struct broker *b);

/* ---- parked_trust.c ---- */

/* The trust of the broker is another. */
void parking_renew(struct broker *b);

/* What a handler would do with RECHECK. Returns whether c may stay. */
int parking_recheck(struct broker *b, struct conn *c);

/*
 * Whether one of c's certificates has ended. Where none has, that time is
 * known from then on (first_end).
 */
int parking_expired(struct broker *b, const struct conn *c);

/* ---- waking.c ---- */

/* Wakes as many as the stones of w's party lack. */
void waking_for(struct broker *b, const struct waiter *w);

/*
 * A handler registers with key and id: whether it is that of an agent that was
 * woken, which then is WAKING no longer.
 */
int waking_ends(struct broker *b, const struct customer_key *key, uint32_t id);

/* parking_turn's part. */
void waking_turn(struct broker *b);

/* A spawner is there: wakes for all stones that wait. */
void waking_begin(struct broker *b);

#endif
