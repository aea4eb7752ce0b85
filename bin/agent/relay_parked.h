/*
 * The parked polls at one relay: of the slots of relay_polls.h those without a
 * process.
 */
#ifndef AGENT_RELAY_PARKED_H
#define AGENT_RELAY_PARKED_H

#include "agent/relay_polls.h"

/*
 * The relay has parked the poll of slot, whose process has handed over the
 * socket fd and what it said: the interval, as text.
 */
void agent_relay_park(
    struct agent_relay *r, struct slot *slot, int fd, const char *text);

/*
 * Reads what has come for the parked poll of slot. Returns its socket, which is
 * the caller's, where it was woken; else -1.
 */
int agent_relay_hear(struct agent_relay *r, struct slot *slot);

/* Does what is due of parked polls. */
void agent_relay_tend(struct agent_relay *r);

/* When something of them is due, or a poll in the place of one that was lost.
 */
int64_t agent_relay_parked_due(const struct agent_relay *r);

/* Who has been parked for longest, or NULL. */
struct slot *agent_relay_longest_parked(struct agent_relay *r);

/* Ends all of them. */
void agent_relay_unpark(struct agent_relay *r);

#endif
