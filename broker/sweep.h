/*
 * Sweeps: work over all connections, or all customers, done in slices between
 * other events. A connection that goes away in the middle is stepped over; one
 * that comes is not visited.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "ipc/wire.h"
#include "state.h"

/* A uid, or "admin:" and a name. */
#define SWEEP_BY_SIZE (sizeof("admin:") + NODE_NAME_SIZE)

enum sweep_step { SWEEP_MORE, SWEEP_BLOCKED, SWEEP_END };

struct sweep {
	/* One step; BLOCKED pauses it until sweep_resume. */
	enum sweep_step (*step)(struct broker *b, struct sweep *s);
	/* Called at its end, before it is freed. */
	void (*done)(struct broker *b, struct sweep *s);
	struct conn *next;       /* the next connection to visit */
	struct account *account; /* or the last account that was visited */
	uint64_t before;         /* or the last refusal's number */
	char by[SWEEP_BY_SIZE];  /* who wants it, for the log */
	struct conn *admin;      /* whom to answer; NULL: nobody, or gone */
	const struct conn *asks; /* reload: who needs no telling */
	uint32_t command;        /* admin: enum admin_command */
	struct wire_rows *rows;  /* a listing's, on their way; freed with it */
	unsigned count;
	struct row_customer seen;     /* view: of its own, so far */
	unsigned customers, refusals; /* view: sent */
	struct customer_key key;      /* view: whose it is */
	int sees_all;                 /* view: an administrator's */
	int paused;
	char argument[ADMIN_ARGUMENT_MAX];
	int names_identity;       /* kick: the argument is a fingerprint, */
	struct identity identity; /* of this certificate */
	LIST_ENTRY(sweep) link;
};

/*
 * Starts a copy of *s over all connections, or over all accounts. Returns the
 * copy, or NULL with errno.
 */
struct sweep *sweep_start(struct broker *b, const struct sweep *s);

/* The connection to visit now, NULL at the end; the sweep is one further. */
struct conn *sweep_take(struct sweep *s);

/* Whether there is work for sweep_turn. */
int sweep_pending(const struct broker *b);

/* A slice of each. */
void sweep_turn(struct broker *b);

/* The socket of c, which has a sweep, can be written to again. */
void sweep_resume(struct broker *b, struct conn *c);

/* c is about to go. */
void sweep_forget(struct broker *b, const struct conn *c);

/* Ends all without a word. */
void sweep_free_all(struct broker *b);

#endif
