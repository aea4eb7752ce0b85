/*
 * A target's addresses, kept for a process that serves many connections: a
 * look-up holds all of them up, and is made only where it must be.
 */
#ifndef AGENT_RESOLVE_H
#define AGENT_RESOLVE_H

#include "agent/target.h"

#include <stdint.h>
#include <sys/socket.h>

#define RESOLVE_MAX 8 /* addresses of one target; more are not tried */

struct resolve_address {
	socklen_t len;
	struct sockaddr_storage sa;
};

struct resolved {
	size_t count; /* 0: none, see error */
	struct resolve_address list[RESOLVE_MAX];
	char error[NETADDR_HOST_MAX + 128];
	int64_t at; /* base/deadline.h; when that was; 0: not yet */
	int failed; /* none of them could be reached since */
};

/*
 * Sees to it that r has t's addresses: they are looked up at first, again when
 * r->failed, and again when they are old, which may be longer while others are
 * busy. An address or a path is no name, and costs nothing.
 */
void resolve_target(struct resolved *r, const struct target *t, int busy);

#endif
