/*
 * A balancer in front of the relay (proxy_from in relay.conf(5)): it connects
 * in its clients' place, and says before their first byte who they are.
 */
#ifndef CONNECTION_BALANCER_H
#define CONNECTION_BALANCER_H

#include "base/failure.h"
#include "base/netaddr.h"
#include "config/relay_conf.h"

#include <stdint.h>

/*
 * Whether the peer of sock, a socket of any kind, is one. Returns 1, 0, or -1:
 * it has reset the connection, and cannot be told any more.
 */
int balancer_connects(const struct relay_conf *conf, int sock);

/*
 * Reads the PROXY header from sock, which does not block, and no byte more.
 * Where that names a client, its address is written to peer as netaddr_peer
 * would; at a LOCAL command peer stays. Returns 0, or -1 with the reason in f:
 * there is none, not in time, or a bad one.
 */
int balancer_read_header(int sock, int64_t deadline,
    char peer[static NETADDR_TEXT_MAX], struct failure *f);

#endif
