/*
 * relay-peer's loop: accepts other relays, hears of the broker which stones
 * here look for an agent, and has a process serve each crossing.
 */
#ifndef PEER_PEERD_H
#define PEER_PEERD_H

#include "config/relay_conf.h"
#include "peer/material.h"

#include <stdint.h>
#include <sys/socket.h>

/* Where another relay is, and since when not. */
struct peer_place {
	struct sockaddr_storage address;
	socklen_t len;
	int64_t down_until; /* base/deadline.h; it failed a moment ago */
};

struct peerd {
	struct relay_conf conf;
	const char *conf_path;
	struct peer_material material;
	struct peer_place places[CONF_PEERS_MAX]; /* as conf.peers */
	int64_t loaded;                           /* when it began to */
	int listener;                             /* -1: none */
	int signals;                              /* signalfd */
	int badge;
	int told, tell; /* a pipe: children write which place has failed */
};

/* Finds the places of all of conf's peers. Returns 0, or -1 with f. */
int peerd_places(struct peerd *p, struct failure *f);

/* Serves until SIGTERM or SIGINT. Returns a sysexits(3) code. */
int peerd_run(struct peerd *p);

#endif
