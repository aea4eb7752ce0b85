/*
 * Sees whether an agent's answer seals the session (SEAL in relayctl(8)): the
 * relay is told by nobody else. A channel over the agent's, which changes
 * nothing of what it reads.
 */
#ifndef CONNECTION_SEAL_WATCH_H
#define CONNECTION_SEAL_WATCH_H

#include "channel/channel.h"

struct seal_watch {
	struct channel channel;
	int seen;    /* all that there is to see */
	int sealed;  /* a line of the head says so */
	size_t head; /* bytes of it so far */
	size_t len;  /* of its last line, which line has the start of */
	char line[16];
};

/* Makes it a channel over under. */
void seal_watch(struct seal_watch *w, struct channel *under);

/*
 * Looks at the next len bytes of the answer, which were read otherwise. Where
 * its head is cut does not matter.
 */
void seal_watch_look(struct seal_watch *w, const void *buf, size_t len);

#endif
