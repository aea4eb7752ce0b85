/*
 * A target's addresses, for a process that must not wait for the resolver: a
 * child does, and sends them through a pipe. What was found is good for a
 * while.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "target.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define RESOLVE_MAX 8 /* addresses of one target; more are not tried */

struct resolve_address {
	socklen_t len;
	struct sockaddr_storage sa;
};

struct resolved {
	size_t count; /* 0: none, see error */
	struct resolve_address list[RESOLVE_MAX];
	char error[NETADDR_HOST_MAX + 128];
};

struct resolve {
	struct resolved found;
	int64_t until; /* deadline.h; found is good so long */
	int pipe;      /* from the child; -1: there is none */
	pid_t child;
};

/*
 * Sees to it that r->found has t's addresses. Returns 1: it has; or 0: r->pipe
 * will tell, for resolve_take. A numeric address or a path needs no child.
 */
int resolve_start(struct resolve *r, const struct target *t);

/* r->pipe can be read: takes the answer into r->found, and closes the pipe. */
void resolve_take(struct resolve *r);

/* Ends the child, if there is one. */
void resolve_stop(struct resolve *r);

#endif
