/*
 * The connections of a shared session that is open: taken from the forward's
 * listener while there is room, or from relay-stone, each a stream of the
 * session; those that the agent has not answered go back to relay-stone.
 */
#ifndef STONE_SHARED_STREAMS_H
#define STONE_SHARED_STREAMS_H

#include "stone/forward.h"
#include "stone/relay_channel.h"

#include <stddef.h>

/*
 * Serves until the session ends, and closes relay and the forward's listener.
 * control (shared_control.h) leads to relay-stone, authority is what streams
 * are asked for with (mux/mux.h), and buf has the len bytes that came behind
 * the answer. Returns a sysexits(3) code.
 */
int shared_streams_run(struct forward *forward, int control,
    struct relay_channel *relay, const char *authority, const char *buf,
    size_t len);

#endif
