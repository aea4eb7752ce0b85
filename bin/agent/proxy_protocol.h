/*
 * The PROXY protocol, version 2: tells a target whose connection it is that
 * the agent brings. Pure.
 */
#ifndef AGENT_PROXY_PROTOCOL_H
#define AGENT_PROXY_PROTOCOL_H

#include <stddef.h>
#include <sys/socket.h>

#define PROXY_PROTOCOL_MAX 52 /* bytes of a header for v6 */

/*
 * Writes the header for a client at the address source, whose port is not
 * known (0), and a connection to destination, of which a Unix socket or NULL
 * leaves the fields 0. Where their families differ the v4 address is mapped
 * to v6. A source that is no address is said to be unknown (LOCAL). Returns
 * the header's length.
 */
size_t proxy_protocol_write(unsigned char out[static PROXY_PROTOCOL_MAX],
    const char *source, const struct sockaddr *destination);

#endif
