/*
 * Where the other relays are.
 */
#ifndef PEER_PLACES_H
#define PEER_PLACES_H

#include "config/relay_conf.h"

#include <stdint.h>
#include <sys/socket.h>

/* Where another relay is, and since when not. */
struct peer_place {
	struct sockaddr_storage address;
	socklen_t len;
	int64_t down_until; /* base/deadline.h; it failed a moment ago */
};

/* Finds the places of all of conf's peers. Returns 0, or -1 with f. */
int peer_places_find(struct peer_place places[static CONF_PEERS_MAX],
    const struct relay_conf *conf, struct failure *f);

#endif
