/*
 * The stone's end of a crossing: a stone waits here, and an agent may be at
 * another relay. The relays are asked in turn, in an order by chance, and asked
 * again, until one has an agent, or the stone has left. To this relay's broker
 * the process is that agent.
 */
#ifndef PEER_OUTBOUND_H
#define PEER_OUTBOUND_H

#include "ipc/message.h"
#include "peer/peerd.h"

/*
 * Looks for an agent for the stone in m, a REACH, until life, the reading end
 * of a pipe, is at its end. Closes life. Returns a sysexits(3) code.
 */
int outbound_run(struct peerd *p, const struct message *m, int life);

#endif
