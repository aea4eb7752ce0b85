/*
 * Dialling out: a name and a port become a connected socket.
 */
#ifndef DIAL_DIAL_H
#define DIAL_DIAL_H

#include "base/failure.h"
#include "base/netaddr.h"

#include <stdint.h>
#include <sys/socket.h>

struct addrinfo;

/*
 * Resolves addr anew and tries its addresses, v6 and v4 in turn, each one
 * 250 ms after the one before or at once when that has failed; the first
 * connection wins (RFC 8305). Ends at deadline (base/deadline.h), which the
 * resolver does not know of. Returns a non-blocking, close-on-exec socket with
 * tcp_options, which the caller closes, or -1 with a reason in f, that of
 * the last address that failed.
 */
int dial(const struct netaddr *addr, int64_t deadline, struct failure *f);

/*
 * Likewise, but the addresses of a family take part in an order by chance, so
 * that many who know the same name do not all come to the first of them.
 */
int dial_spread(
    const struct netaddr *addr, int64_t deadline, struct failure *f);

/* Likewise, to the Unix stream socket at path. */
int dial_unix(const char *path, int64_t deadline, struct failure *f);

/*
 * The order in which the addresses of list are to be tried: the resolver's,
 * but v6 and v4 take turns. Sets order to at most most of them, and returns how
 * many. Pure.
 */
size_t dial_order(
    const struct addrinfo *list, const struct addrinfo **order, size_t most);

/*
 * Shuffles the n addresses of order, but each place keeps its family. chance
 * gives random numbers.
 */
void dial_shuffle(
    const struct addrinfo **order, size_t n, uint32_t (*chance)(void));

/*
 * Begins to connect to sa. Returns a socket as dial's, which tells by becoming
 * writable how that went, or -1 with errno.
 */
int dial_start(const struct sockaddr *sa, socklen_t len);

/*
 * Connects to sa, in timeout milliseconds at most. Returns a socket as dial's,
 * or -1 with errno.
 */
int dial_address(const struct sockaddr *sa, socklen_t len, int timeout);

#endif
