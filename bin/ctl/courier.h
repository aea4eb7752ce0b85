/*
 * A courier: a process that takes a request to the relay-peer(8) of another
 * relay, and brings back what the broker there says, so that its asker has a
 * socket that answers as a broker does. What comes from the network is parsed
 * here, where there is no file, no terminal and no connection but this one.
 */
#ifndef CTL_COURIER_H
#define CTL_COURIER_H

#include "peer/material.h"
#include "peer/places.h"

/* The longest that one takes, from its request on; milliseconds. */
#define COURIER_MS 22000

/*
 * In a process of its own: serves one request of sock, and ends the process.
 * The relay called name is at place; m is of an administrator. Where it comes
 * to nothing the answer is a MESSAGE_REFUSED with the reason.
 */
_Noreturn void courier_run(int sock, const struct peer_material *m,
    const char *name, const struct peer_place *place);

#endif
