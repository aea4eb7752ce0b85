/*
 * All relays of a cluster, as relayctl --all asks them: the broker here over
 * its socket, and each other one by a courier (courier.h).
 */
#ifndef CTL_RELAYS_H
#define CTL_RELAYS_H

#include "config/relay_conf.h"

#define CTL_RELAYS_MAX (CONF_PEERS_MAX + 1)

struct ctl_relay {
	char name[NODE_NAME_SIZE];
	int sock;  /* answers as a broker does; -1: nobody is there */
	int error; /* errno of that */
};

struct ctl_relays {
	size_t count; /* 1 at least: the first is the one here */
	struct ctl_relay list[CTL_RELAYS_MAX];
};

/*
 * Reads the relay.conf at path, and begins a courier for each relay in it but
 * the one here, whose broker is at sock, or is not, for this errno. The
 * couriers end with the process at the latest. Gives up (program_fail) where it
 * names no relays, or what an administrator needs is not to be had.
 */
void ctl_relays_open(
    struct ctl_relays *relays, const char *path, int sock, int error);

/* Closes all but the first, which is the caller's. */
void ctl_relays_close(struct ctl_relays *relays);

#endif
