/*
 * A parked poll: the connection to a relay that has ended TLS on it, and keeps
 * it for when a stone comes. Neither end has a process for it then; each now
 * and then the agent says that it is there, and the relay says it back.
 *
 * What may come is a sign of life or the wake (ipc/parked_signs.h), and nothing
 * else.
 */
#ifndef AGENT_PARKED_H
#define AGENT_PARKED_H

#include "ipc/parked_signs.h"

#include <stddef.h>
#include <stdint.h>

#define PARKED_INTERVAL_MAX 3600 /* seconds that a relay may ask for */

struct parked {
	int fd;           /* -1: there is none */
	int64_t interval; /* milliseconds between two signs of life */
	int64_t since;    /* base/deadline.h */
	int64_t next;     /* the next sign of life is due */
	int asked;        /* it is out, and has not come back */
	int64_t answer;   /* when it, or the rest of what has begun to come,
			   * must be there; DEADLINE_NONE: nothing must */
	size_t len;       /* of got */
	unsigned char got[PARKED_WAKE_SIZE];
};

enum parked_event {
	PARKED_STAYS,
	PARKED_WOKEN, /* the relay awaits a handshake */
	PARKED_LOST,  /* the poll is over */
};

/*
 * Parks on the non-blocking socket fd, which it takes over, with a sign of life
 * every interval seconds, the first at any moment up to that.
 */
void parked_begin(struct parked *p, int fd, int64_t interval);

/*
 * Reads what has come. *why says of PARKED_LOST, in words, what it came to. fd
 * stays open.
 */
enum parked_event parked_read(struct parked *p, const char **why);

/* Does what is due. Likewise, but for PARKED_WOKEN. */
enum parked_event parked_tend(struct parked *p, const char **why);

/* When the next is due; DEADLINE_NONE where none is parked. */
int64_t parked_due(const struct parked *p);

/* Ends it, by a reset; safe where none is parked. */
void parked_close(struct parked *p);

/* Hands the socket over to the caller, as it was before it was parked. */
int parked_release(struct parked *p);

#endif
