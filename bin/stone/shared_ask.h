/* The request for a session of many connections. */
#ifndef STONE_SHARED_ASK_H
#define STONE_SHARED_ASK_H

#include "http/head.h"
#include "stone/forward.h"
#include "stone/relay_channel.h"

#include <sys/types.h>

/*
 * Sends the forward's request to a relay, *relay, as stone_ask does, and has
 * its answer, sealed or not; authority is what its streams are to ask the agent
 * for (mux/mux.h). Returns how many bytes came behind the answer, in buf, or
 * -1: *relay is NULL, or its state says whether it was refused, and the log why
 * there is none.
 */
ssize_t stone_shared_ask(struct relay_channel **relay, struct forward *forward,
    const struct proxy *proxy, char authority[static HEAD_SERVICE_MAX],
    char buf[static RESPONSE_MAX_BYTES]);

#endif
