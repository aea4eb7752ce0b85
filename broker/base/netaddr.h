/*
 * Internet addresses as people write them: "host:port" and "[v6]:port".
 */
#ifndef BASE_NETADDR_H
#define BASE_NETADDR_H

#include "base/failure.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NETADDR_HOST_MAX 256 /* a DNS name has at most 253 bytes */
#define NETADDR_PORT_MAX 32  /* a port number or a service's name */
#define NETADDR_TEXT_MAX 64  /* "[v6 address%zone]:port" */

struct netaddr {
	char host[NETADDR_HOST_MAX];
	char port[NETADDR_PORT_MAX];
};

/*
 * Splits text at its last colon; brackets around the host are taken away, and
 * a v6 address without them is refused, because its port could not be told.
 * Returns 0, or -1 with a reason in f.
 */
int netaddr_parse(struct netaddr *addr, const char *text, struct failure *f);

/*
 * Whether port is a number of 1 to 65535 or the name of a service of this host
 * (services(5)). Returns 0, or -1 with a reason in f.
 */
int netaddr_check_port(const char *port, struct failure *f);

/*
 * Whether addr is what a listener needs: a numeric host and a port of 1 to
 * 65535. Returns 0, or -1 with a reason in f.
 */
int netaddr_check_numeric(const struct netaddr *addr, struct failure *f);

/*
 * Opens a non-blocking, close-on-exec TCP listener on addr, whose host must be
 * numeric: a daemon must start before the name service does. A v6 listener
 * takes v6 alone. Returns the fd, which the caller closes, or -1 with a reason
 * in f.
 */
int netaddr_listen(const struct netaddr *addr, int backlog, struct failure *f);

/*
 * Formats an address as "1.2.3.4:5" or "[::1]:5"; a v4-mapped one is written as
 * v4, and one that is no Internet address as "unknown".
 */
void netaddr_text(
    const struct sockaddr *sa, char text[static NETADDR_TEXT_MAX]);

/* The port of an address, IPv6 or IPv4. */
uint16_t netaddr_port(const struct sockaddr *sa);

/* The text of the connected peer of sock; "unknown" where there is none. */
void netaddr_peer(int sock, char text[static NETADDR_TEXT_MAX]);

/*
 * Copies the host of a text that netaddr_peer made, without brackets or port.
 */
void netaddr_host(const char *text, char host[static NETADDR_TEXT_MAX]);

#endif
