/*
 * Address prefixes, "192.0.2.0/24" or "2001:db8::/32", and what lies in them.
 * Pure. An IPv4 address and the same one mapped to IPv6 are one address.
 */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include <netinet/in.h>
#include <sys/socket.h>

#define PREFIX_ALL 128 /* bits of a whole address */

struct prefix {
	struct in6_addr addr; /* IPv4 is mapped */
	unsigned bits;        /* how many count; 96 more for IPv4 */
};

/*
 * Parses an address, alone or with "/bits". Returns 0, or -1 where text is
 * none.
 */
int prefix_parse(struct prefix *p, const char *text);

/* Sets *p to the whole address sa. Returns 0, or -1: no Internet address. */
int prefix_of(struct prefix *p, const struct sockaddr *sa);

/* Whether address, of PREFIX_ALL bits, lies in p. */
int prefix_holds(const struct prefix *p, const struct prefix *address);

#endif
