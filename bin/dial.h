/*
 * Dialling out: a name and a port become a connected socket.
 */
#ifndef DIAL_H
#define DIAL_H

#include "netaddr.h"

#include <stdint.h>

/*
 * Resolves addr anew and connects to its addresses in turn until one answers
 * or deadline (deadline.h) passes. Returns a non-blocking, close-on-exec
 * socket with tcp_options, which the caller closes, or -1 with a reason in
 * err, that of the last address tried.
 */
int dial(
    const struct netaddr *addr, int64_t deadline, char *err, size_t errsize);

#endif
