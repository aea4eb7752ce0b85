/*
 * The relays that a client uses, in their order.
 */
#ifndef WARP_RELAYS_H
#define WARP_RELAYS_H

#include "base/failure.h"
#include "base/netaddr.h"

#include <stddef.h>

#define RELAYS_MAX     8
#define RELAY_TEXT_MAX (NETADDR_HOST_MAX + NETADDR_PORT_MAX + 4)

struct relays {
	size_t n;
	struct netaddr list[RELAYS_MAX];
};

/* Adds relay as the last. Returns 0, or -1 with a reason in f. */
int relays_add(
    struct relays *relays, const struct netaddr *relay, struct failure *f);

/* Writes one as people do, as "host:port" or "[v6]:port". */
void relay_text(const struct netaddr *relay, char text[static RELAY_TEXT_MAX]);

/*
 * Writes them all so, with commas between them; what does not fit is left
 * out.
 */
void relays_text(const struct relays *relays, char *text, size_t size);

/* Whether both are the same, in the same order. */
int relays_same(const struct relays *a, const struct relays *b);

#endif
