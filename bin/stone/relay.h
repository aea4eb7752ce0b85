/*
 * The way to the relay, for a session of one connection or of many: TLS with
 * the forward's certificate, and the log lines of what went wrong there.
 */
#ifndef STONE_RELAY_H
#define STONE_RELAY_H

#include "stone/forward.h"
#include "stone/relay_channel.h"

#define STONE_ANSWER_MS                                                        \
	60000 /* the relay waits for an agent, and that for its target */

/*
 * Connects to forward->relay, makes the TLS handshake, and makes *relay of it,
 * with what can be offered unless the forward is never sealed. Connecting has
 * 20 seconds and the handshake 10, but by (base/deadline.h) ends both. Returns
 * 0, or -1 with a reason in f. The keys stay:
 */
int stone_relay_open(struct relay_channel *relay, struct forward *forward,
    const struct proxy *proxy, int64_t by, struct failure *f);

/* They go once relay is the one that is used. */
void stone_relay_forget_keys(
    struct relay_channel *relay, struct forward *forward);

/*
 * Reads up to the end of the answer's head by deadline (base/deadline.h), and
 * what is behind it, at most size bytes, into buf. Returns their number, or -1
 * where no good answer came, and logs why.
 */
ssize_t stone_relay_answer(struct relay_channel *relay, struct forward *forward,
    void *buf, size_t size, int64_t deadline);

/* Logs why no good answer came; late: it did not come in time. */
void stone_relay_unanswered(const struct relay_channel *relay,
    struct forward *forward, int late, const char *peer);

/* Logs that forward->relay was not reached, for this reason. */
void stone_relay_unreachable(
    struct forward *forward, const char *why, const char *peer);

#endif
