/*
 * The spawner: accepts connections, or has relay-handoff(8) hand them over, and
 * forks one handler process for each, or has one serve that has served another.
 * TLS is loaded once, so that a handler starts with all it needs.
 */
#ifndef SPAWN_SPAWNER_H
#define SPAWN_SPAWNER_H

#include "config/relay_conf.h"
#include "spawn/arrivals.h"
#include "spawn/pool.h"
#include "tls/tls.h"

#include <stdint.h>

struct spawner {
	const char *conf_path; /* read again at SIGHUP; absolute under -D */
	struct relay_conf conf;
	struct tls_material tls;
	int64_t loaded; /* base/deadline.h; before these were read */
	int listeners[CONF_LISTEN_MAX];
	size_t nlisteners;
	int handoff; /* listens at conf.handoff (ipc/ipc_socket.h), or -1 */
	int handoff_lock; /* likewise */
	int badge;        /* ipc_socket_badge */
	struct arrivals arrivals;
	struct pool pool;
	int signals; /* signalfd: TERM, INT, HUP, CHLD, USR2 */
};

/*
 * Serves until SIGTERM or SIGINT, then waits for the sessions that live; a
 * second such signal ends those. At SIGUSR2 it leaves them, for another that
 * listens at the same sockets. SIGHUP loads configuration and TLS again;
 * where that fails the old ones stay. Returns a sysexits(3) code.
 */
int spawner_run(struct spawner *s);

#endif
