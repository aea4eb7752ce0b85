/*
 * The stone's part in sealing a session: it offers that with its request, and
 * takes the agent's answer.
 */
#ifndef STONE_SEAL_H
#define STONE_SEAL_H

#include "base/failure.h"
#include "http/head.h"
#include "stone/forward.h"
#include "stone/relay_channel.h"

enum stone_seal_result {
	STONE_PLAIN,   /* the request was sent, and answered well */
	STONE_SEALED,  /* the request is still to be sent, inside */
	STONE_UNASKED, /* the request is still to be sent, and not sealed */
	STONE_FAILED,  /* and the log says why */
};

/* The request as it was sent. */
struct stone_offer {
	int made; /* else the head is the request as it is */
	size_t len;
	char head[HEAD_MAX_BYTES];
};

/*
 * Sends the request, of len bytes, on relay, with an offer to seal the session,
 * which can (relay_channel_offer), unless the forward is never sealed. Returns
 * 0, or -1 with a reason in f.
 */
int stone_seal_send(struct stone_offer *o, struct relay_channel *relay,
    const struct forward *forward, const char *request, size_t len,
    struct failure *f);

/*
 * Where that was answered well: seals the session, or goes without, as the
 * agent and the forward have it. peer names the local client in the log.
 */
enum stone_seal_result stone_seal_judge(const struct stone_offer *o,
    struct relay_channel *relay, struct forward *forward, const char *peer);

#endif
