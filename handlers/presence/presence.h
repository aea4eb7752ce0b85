/*
 * relay-presence's loop: between the broker, which says which agents are here
 * and asks where others are, and the store, which all relays have in common.
 */
#ifndef PRESENCE_PRESENCE_H
#define PRESENCE_PRESENCE_H

#include "presence/settings.h"

struct presence {
	struct settings settings;
	const char *conf_path;
	int64_t loaded; /* when it began to be (base/deadline.h) */
	int signals;    /* signalfd */
	int badge;
};

/* Serves until SIGTERM or SIGINT. Returns a sysexits(3) code. */
int presence_run(struct presence *p);

#endif
