/*
 * A child of the spawner: a handler, which serves its connection and, where it
 * has a channel (pool.h), others after that.
 */
#ifndef SPAWN_CHILD_H
#define SPAWN_CHILD_H

#include "config/relay_conf.h"
#include "spawn/pool.h"
#include "tls/tls.h"

struct child {
	const struct relay_conf *conf;
	struct tls_material *tls;
	int tell;    /* spawn/arrivals.h */
	int channel; /* spawn/pool.h; -1: it serves one alone */
};

/*
 * Serves sock, or what is handed over at it, and then what comes by the
 * channel, for as long as all ends in order: first says what sock is, but not
 * is_last. Closes sock. Returns a sysexits(3) code.
 */
int child_run(struct child *c, int sock, const struct pool_task *first);

#endif
