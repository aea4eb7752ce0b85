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
	int seen;   /* the answer's first bytes */
	int sealed; /* as they say */
};

/* Makes it a channel over under. */
void seal_watch(struct seal_watch *w, struct channel *under);

/* Looks at len bytes of the answer that were read otherwise. */
void seal_watch_look(struct seal_watch *w, const void *buf, size_t len);

#endif
