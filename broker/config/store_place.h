/*
 * Where a Valkey or Redis is, as relay.conf(5) says: a socket of the Unix
 * domain, or an address and port.
 */
#ifndef CONFIG_STORE_PLACE_H
#define CONFIG_STORE_PLACE_H

#include "base/failure.h"
#include "base/netaddr.h"

#include <sys/un.h>

struct store_place {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "": none */
	struct netaddr addr; /* numeric, where there is no path */
};

/* Returns 0, or -1 with a reason in f. */
int store_place_parse(
    struct store_place *place, const char *text, struct failure *f);

#endif
