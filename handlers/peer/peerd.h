/*
 * relay-peer's loop: accepts other relays, hears of the broker which stones
 * here look for an agent, and has a process serve each crossing.
 */
#ifndef PEER_PEERD_H
#define PEER_PEERD_H

#include "base/filewatch.h"
#include "config/relay_conf.h"
#include "peer/material.h"
#include "peer/nodes.h"
#include "peer/places.h"

#include <stdint.h>

struct peerd {
	struct relay_conf conf;
	const char *conf_path;
	struct peer_material material;
	struct peer_place places[CONF_PEERS_MAX]; /* as conf.peers */
	int64_t loaded;                           /* when it began to */
	int listener;                             /* -1: none */
	int signals;                              /* signalfd */
	int badge;
	struct nodes nodes;
	struct filewatch crl; /* on peer_crl */
};

/* Serves until SIGTERM or SIGINT. Returns a sysexits(3) code. */
int peerd_run(struct peerd *p);

#endif
