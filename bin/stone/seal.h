/*
 * The stone's part in sealing a session: it offers that with its request, and
 * takes the agent's answer.
 */
#ifndef STONE_SEAL_H
#define STONE_SEAL_H

#include "stone/forward.h"
#include "stone/relay_channel.h"

enum stone_seal_result {
	STONE_PLAIN,  /* the request was sent, and answered well */
	STONE_SEALED, /* the request is still to be sent, inside */
	STONE_FAILED, /* and the log says why */
};

/*
 * Offers to seal the session on relay, which can (relay_channel_offer), and
 * waits for the answer. request is its head, of len bytes. client is the fd of
 * the local client, whose break ends the wait, or -1; peer names it in the log.
 */
enum stone_seal_result stone_seal_run(struct relay_channel *relay,
    const struct forward *forward, const char *request, size_t len, int client,
    const char *peer);

#endif
