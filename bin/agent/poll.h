/*
 * One poll: a connection to the relay that waits for a stone, and the session
 * that it becomes. A process of its own, like the relay's handlers, which ends
 * where the relay parks the poll (parked.h).
 */
#ifndef AGENT_POLL_H
#define AGENT_POLL_H

#include "agent/conf.h"

#include <stdint.h>

/*
 * What a poll tells the pool; each is a packet: this byte and a text. With
 * POLL_PARKED comes the connection.
 */
enum poll_news {
	POLL_WAITS = 'w',  /* the relay has it; text: the entitlement */
	POLL_TAKEN = 't',  /* a stone has come */
	POLL_PARKED = 'p', /* it is parked; text: the interval, seconds */
	POLL_FAILED = 'f', /* it ends; text: why */
};

#define POLL_TEXT_MAX 256 /* bytes of a packet's text, and its NUL */

/*
 * Polls at relay, and serves the stone that comes. fd is the connection of a
 * parked poll that was woken, and is taken over; -1: there is none yet. agent
 * names this relayagent to the relay. News go to the SOCK_SEQPACKET socket
 * news. Drops conf's keys on the way. SIGTERM ends the process until a stone
 * has come. Returns a sysexits(3) code for _exit(2).
 */
int agent_poll_run(struct agent_conf *conf, const struct netaddr *relay, int fd,
    uint64_t agent, int news);

#endif
