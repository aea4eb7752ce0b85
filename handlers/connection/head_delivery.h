/*
 * How a session begins: the stone's head goes over the hop to the agent's
 * handler, from there to the agent, and the stone's handler learns whether the
 * agent took it. Until then nothing else moves, so that a stone whose agent
 * turns out to be gone can be given another one.
 */
#ifndef CONNECTION_HEAD_DELIVERY_H
#define CONNECTION_HEAD_DELIVERY_H

#include "channel/channel_tls.h"
#include "channel/hop.h"
#include "channel/splice.h"
#include "http/head.h"

enum head_delivery {
	MATCHED_TAKEN,       /* the agent has the head: splice */
	MATCHED_OTHER_GONE,  /* the other handler ended: wait again */
	MATCHED_UNCONFIRMED, /* the agent did not take the head */
	MATCHED_CLIENT_GONE, /* this side's own client is gone */
};

/*
 * The stone's side: hands over the head in buf, and waits for its fate. bare:
 * the stone can go bare. Sets hop->marked where the session may.
 */
enum head_delivery head_delivery_stone(struct channel *tls, struct hop *hop,
    const struct head *head, const char *buf, const char *peer, int bare);

/*
 * The agent's side: passes the head on. The agent has it when its TCP says so,
 * or, where the agent answers a head with an empty line (acks), when that has
 * come: TCP alone would speak for a stopped process too. What the agent says
 * of its answer meanwhile goes into up's buffer. bare: the agent can go bare.
 * Sets hop->marked where the stone can as well; then the head tells the agent
 * so. Sets *offered where the stone offers to seal the session.
 */
enum head_delivery head_delivery_agent(struct channel_tls *tls, struct hop *hop,
    int acks, int bare, struct flow *up, int *offered);

/* A word for the log. */
const char *head_delivery_word(enum head_delivery rc);

#endif
