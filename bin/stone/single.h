/*
 * One connection of a local client: to the relay, and there to the agent. A
 * process of its own, like the relay's handlers.
 */
#ifndef STONE_SINGLE_H
#define STONE_SINGLE_H

#include "stone/forward.h"
#include "stone/relay_channel.h"

/*
 * Whether the client at the other end of sock may use the forward. Where it
 * may not, that is logged.
 */
int stone_single_admits(const struct forward *forward, int sock);

/*
 * Serves the client, and closes sock: as the session ended, or with a reset
 * where it failed. Drops the forward's keys on the way. Returns a sysexits(3)
 * code for _exit(2).
 */
int stone_single_run(
    int sock, struct forward *forward, const struct proxy *proxy);

/* The same with standard input and output as the client, which stay open. */
int stone_single_run_stdio(struct forward *forward, const struct proxy *proxy);

/*
 * The same over relay, where the request was answered well, with the len bytes
 * that came behind the answer (RESPONSE_MAX_BYTES at most). Closes relay too.
 */
int stone_single_run_over(int sock, struct forward *forward,
    struct relay_channel *relay, const char *came, size_t len);

/* Closes sock so that its client sees a reset. */
void stone_single_reset(int sock);

#endif
