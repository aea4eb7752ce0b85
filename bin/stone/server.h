/*
 * relay-stone as a daemon: listens, and forks a process for each connection.
 * TLS is set up once, so that a process starts with all it needs.
 */
#ifndef STONE_SERVER_H
#define STONE_SERVER_H

#include "stone/forward.h"

struct stone_server {
	int argc; /* read again at SIGHUP */
	char **argv;
	const struct proxy_environment *env;
	struct forwards *forwards;    /* they listen */
	int signals;                  /* signalfd: TERM, INT, HUP, CHLD */
	struct shared_pool *sessions; /* stone_server_run's */
	struct stone_status *status;  /* borrowed */
	int64_t tick; /* its own: when to look around (base/deadline.h) */
};

/*
 * Serves until SIGTERM or SIGINT, then waits for the sessions that live; a
 * second such signal ends those. SIGHUP reads all again; where that fails the
 * old stays. Returns a sysexits(3) code.
 */
int stone_server_run(struct stone_server *server);

#endif
