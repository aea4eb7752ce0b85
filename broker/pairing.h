/*
 * The pairing rules: who waits, who meets whom, who is refused. Pure: no I/O,
 * no clock, no allocation beyond one struct party for each customer (or
 * certificate without one) that is present. Every operation but
 * pairing_suspect is O(1).
 *
 * A waiter moves between three states:
 *
 *	        pairing_enter            pairing_next
 *	ABSENT --------------> WAITING --------------> IN_SESSION
 *	   ^                      ^   pairing_wait_again   |
 *	   |                      +------------------------+
 *	   +---- pairing_leave, from either ---------------+
 *
 * pairing_announce goes straight to IN_SESSION: a session that is older than
 * this table; and so does pairing_meet. A stone may stand aside for a while
 * (pairing_hold). What becomes of an agent that waits for long is
 * pairing_park.h's.
 *
 * Who is at another relay (forwarded) meets only who is here. Such a stone has
 * its slot there, and takes none; such an agent never waits.
 */
#ifndef PAIRING_H
#define PAIRING_H

#include "config/entitlement.h"
#include "ipc/message.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Waiters of one key: one customer cannot fill the relay. */
#define PAIRING_AGENTS_MAX 1024
#define PAIRING_STONES_MAX 1024

enum waiter_state {
	WAITER_ABSENT,
	WAITER_WAITING,
	WAITER_IN_SESSION,
	WAITER_PARKING, /* these three: pairing_park.h */
	WAITER_PARKED,
	WAITER_WAKING,
	WAITER_HELD, /* pairing_hold */
};

/* Lives in its owner's memory; zero it before the first use. */
struct waiter {
	enum role role;
	enum waiter_state state;
	uint64_t agent; /* the agent process that polls, 0 if unknown */
	uint32_t wants; /* a stone's: bits of type that it needs */
	bool has_slot;  /* it stands for its session, one of nusers */
	bool suspect;   /* an agent whose process did not take a head */
	bool forwarded; /* it is at another relay */
	struct party *party;
	TAILQ_ENTRY(waiter) link;
};

enum verdict {
	PAIRING_WAIT,        /* entered */
	PAIRING_NO_MEMORY,   /* refused: 503 */
	PAIRING_TOO_MANY,    /* refused: 429, PAIRING_*_MAX waiters */
	PAIRING_NUSERS,      /* refused: 429, nusers stones are there */
	PAIRING_MAX_AGENTS,  /* refused: 429, max_agents polls wait */
	PAIRING_EXPIRED,     /* refused: 403 */
	PAIRING_NOT_ALLOWED, /* refused: 403, allow = no */
	PAIRING_TYPE,        /* refused: 403, its type lacks what w wants */
};

struct pairing;

/* Returns an empty table for pairing_free, or NULL with errno. */
struct pairing *pairing_new(void);

/* Frees the table. Every waiter must have left. */
void pairing_free(struct pairing *table);

/*
 * Lets w, whose role, agent and wants are set, wait for the other role with the
 * same key, within grant at the Unix time now.
 */
enum verdict pairing_enter(struct pairing *table, struct waiter *w,
    const struct customer_key *key, const struct entitlement *grant,
    uint64_t now);

/*
 * What nobody who comes can change: whether grant allows anything at the Unix
 * time now. Returns PAIRING_WAIT where it does.
 */
enum verdict pairing_judge(const struct entitlement *grant, uint64_t now);

/*
 * For w that has just entered: the agent that has waited longest, where that is
 * a poll of another process, and both said which they are. It is told once
 * while anybody of that key is there; else NULL.
 */
struct waiter *pairing_rival(const struct waiter *w);

/*
 * Counts w as one side of a live session; the first side that comes has its
 * slot. Returns 0, or -1 with errno.
 */
int pairing_announce(struct pairing *table, struct waiter *w,
    const struct customer_key *key, int has_slot);

/*
 * Takes the longest waiting stone and agent of w's party out of their queues
 * and into a session; suspect agents come last. Returns 1, or 0 where one of
 * the two is missing.
 */
int pairing_next(struct pairing *table, const struct waiter *w,
    struct waiter **agent, struct waiter **stone);

/*
 * Puts agent, which is at another relay and not in the table, into a session
 * with the stone that it has come for: one that is here, of the same key, and
 * still waits. Returns 1, or 0 where it is not that.
 */
int pairing_meet(struct pairing *table, struct waiter *agent,
    struct waiter *stone, const struct customer_key *key);

/*
 * Gives the slot of w back, which a session has that another relay counts.
 */
void pairing_give_back(struct pairing *table, struct waiter *w);

/*
 * Has w, a stone that waits, stand aside: it is counted as before, and meets
 * nobody until pairing_release, which puts it last. Returns how many slots its
 * key has taken here, with those who wait; who takes news is told of that.
 */
uint32_t pairing_hold(struct pairing *table, struct waiter *w);
void pairing_release(struct waiter *w);

/* Puts w, in a session, back at the head of its queue. */
void pairing_wait_again(struct pairing *table, struct waiter *w);

/*
 * Puts the waiting polls of one agent process (nothing where it is 0) behind
 * all others of w's party. O(waiting agents of the certificate).
 */
void pairing_suspect(const struct waiter *w, uint64_t agent);

/*
 * Whether w's party has fewer agents than stones that wait, with those who are
 * parked, or being woken.
 */
int pairing_lacks(const struct waiter *w);

/* The key that w, which is in the table, has in common with all it may meet. */
const struct customer_key *pairing_key(const struct waiter *w);

/* The stone of w's party that has waited longest, or NULL. */
struct waiter *pairing_stone(const struct waiter *w);

/* Takes w out of the table, whatever its state. */
void pairing_leave(struct pairing *table, struct waiter *w);

#endif
