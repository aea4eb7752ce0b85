/*
 * A forward's relays are asked for a session: in order, the next where one
 * fails, has no agent, or has not answered after a while; the first that
 * answers well has it.
 */
#ifndef STONE_ASK_H
#define STONE_ASK_H

#include "dial/proxy.h"
#include "stone/seal.h"

/* With another one left a relay has so long to be reached, and to answer. */
#define STONE_ASK_PATIENCE_MS 2000

/*
 * Asks with request, a head of len bytes, and sets *relay to what has answered,
 * or to NULL. Only where there is but one relay and the forward is never sealed
 * nobody is asked yet. client is the fd of the local client, whose break ends
 * the wait, or -1; peer names it in the log, or is NULL. Drops the forward's
 * keys. The result's words are those of stone/seal.h; where it is STONE_FAILED
 * *relay may still be what refused. The caller closes or aborts its channel,
 * and has it until the next call.
 */
enum stone_seal_result stone_ask(struct relay_channel **relay,
    struct forward *forward, const struct proxy *proxy, const char *request,
    size_t len, int client, const char *peer);

#endif
