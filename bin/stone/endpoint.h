/*
 * The two places of a forward, as stone writes them: where to, such as
 * "relay.example.org:443/ssl,http", and where from, such as "localhost:8080",
 * "8080/v6" or "/run/user/1000/db". Pure.
 */
#ifndef STONE_ENDPOINT_H
#define STONE_ENDPOINT_H

#include "base/failure.h"
#include "base/netaddr.h"
#include "warp/relays.h"

#include <stddef.h>

/* Where a forward listens. */
struct stone_listen {
	const char *path; /* a Unix socket's; NULL: it is TCP */
	/* TCP only */
	struct netaddr addr; /* host "": every address of this host */
	int family;          /* AF_INET, AF_INET6 */
	int v6only;          /* without IPv4 */
};

/*
 * Parses the relay's place, or several with commas between them, and adds them
 * to relays. "/ssl,http" is a must, because a relay speaks nothing else.
 * Returns 0, or -1 with a reason in f.
 */
int stone_endpoint_relays(
    struct relays *relays, const char *word, struct failure *f);

/*
 * Whether word is of the relay's form: something behind a slash, and TLS among
 * that.
 */
int stone_endpoint_is_relay(const char *word);

/* Parses where to listen; path points into word. Likewise. */
int stone_endpoint_listen(
    struct stone_listen *where, const char *word, struct failure *f);

/* Whether both listen at the same place. */
int stone_endpoint_same(
    const struct stone_listen *a, const struct stone_listen *b);

/* Writes it as people read it, for messages. */
void stone_endpoint_text(
    const struct stone_listen *where, char *text, size_t size);

#endif
