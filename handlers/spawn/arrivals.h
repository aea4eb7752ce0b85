/*
 * Who has arrived and not registered with the broker yet: the relay knows
 * nobody of them, so there is a limit of them, in all and from one address (an
 * IPv6 /64, which is what one host has). Beyond it the oldest goes, who has had
 * the most time: an honest client needs a moment, one that says nothing would
 * stay for all of tls_timeout.
 *
 * A handler says that it has registered by its pid in a pipe, which all share:
 * one that was broken into can only let others stay.
 */
#ifndef SPAWN_ARRIVALS_H
#define SPAWN_ARRIVALS_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/types.h>

struct arrival {
	pid_t pid;
	int ended;            /* by us: it counts no more */
	struct in6_addr from; /* all zero: not known, and not limited by it */
};

struct arrivals {
	int told;             /* the pipe: what we read */
	int tell;             /* and what handlers write */
	struct arrival *list; /* the oldest first */
	size_t count, room;
};

/* Makes the pipe. Returns 0, or -1 with errno. */
int arrivals_open(struct arrivals *a);

/* Frees all; in a handler, too, which keeps tell for itself. */
void arrivals_free(struct arrivals *a);

/* Where sock, of any kind, comes from. */
void arrivals_address(struct in6_addr *from, int sock);

/*
 * Whether the peer of sock, a TCP connection, has left while it waited long for
 * its turn: on a relay that is behind, a handler for it would let the next
 * leave, too. Their number is logged, once a second at most.
 */
int arrivals_has_left(int sock);

/*
 * Makes room for one more from there: SIGKILLs the oldest of those beyond the
 * limits. How many had to go is logged, once a second at most.
 */
void arrivals_make_room(struct arrivals *a, const struct in6_addr *from,
    size_t most, size_t most_from);

/* Adds a child. Without memory it is not counted. */
void arrivals_add(struct arrivals *a, pid_t pid, const struct in6_addr *from);

/*
 * The child has ended its connection, and waits for another. Returns 1, or 0
 * where arrivals_make_room is about to end it.
 */
int arrivals_rests(struct arrivals *a, pid_t pid);

/* The child has ended. Returns whether arrivals_make_room has seen to that. */
int arrivals_ended(struct arrivals *a, pid_t pid);

#endif
