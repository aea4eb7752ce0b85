/* Where the other relays are: see places.h. */
#include "peer/places.h"

#include <netdb.h>
#include <string.h>

static int
find(struct peer_place *at, const struct netaddr *addr, struct failure *f)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int rc = getaddrinfo(addr->host, addr->port, &hints, &found);

	if (rc != 0)
		return failure(f, "peer: %s:%s: %s", addr->host, addr->port,
		    gai_strerror(rc));
	memcpy(&at->address, found->ai_addr, found->ai_addrlen);
	at->len = found->ai_addrlen;
	at->down_until = 0;
	freeaddrinfo(found);
	return 0;
}

int
peer_places_find(struct peer_place places[static CONF_PEERS_MAX],
    const struct relay_conf *conf, struct failure *f)
{
	for (size_t i = 0; i < conf->npeers; i++)
		if (find(&places[i], &conf->peers[i].addr, f) == -1)
			return -1;
	return 0;
}
