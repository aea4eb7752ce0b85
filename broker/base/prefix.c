/* Address prefixes: see prefix.h. */
#include "base/prefix.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <string.h>

#define MAPPED_BITS 96 /* before an IPv4 address that is mapped to IPv6 */

static void
map(struct prefix *p, const struct in_addr *v4)
{
	memset(&p->addr, 0, sizeof(p->addr));
	p->addr.s6_addr[10] = p->addr.s6_addr[11] = 0xff;
	memcpy(p->addr.s6_addr + 12, v4, sizeof(*v4));
}

int
prefix_parse(struct prefix *p, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned mapped = 0;
	struct in_addr v4;
	int bits;

	if (len >= sizeof(host))
		return -1;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, &v4) == 1) {
		map(p, &v4);
		mapped = MAPPED_BITS;
	} else if (inet_pton(AF_INET6, host, &p->addr) != 1) {
		return -1;
	}
	p->bits = PREFIX_ALL;
	if (slash == NULL)
		return 0;
	bits = (int)number_parse(slash + 1, 0, PREFIX_ALL - mapped);
	if (bits == -1)
		return -1;
	p->bits = mapped + (unsigned)bits;
	return 0;
}

int
prefix_of(struct prefix *p, const struct sockaddr *sa)
{
	p->bits = PREFIX_ALL;
	if (sa->sa_family == AF_INET)
		map(p,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		p->addr = ((const struct sockaddr_in6 *)(const void *)sa)
			      ->sin6_addr;
	else
		return -1;
	return 0;
}

int
prefix_holds(const struct prefix *p, const struct prefix *address)
{
	const unsigned char *a = p->addr.s6_addr, *b = address->addr.s6_addr;
	unsigned bytes = p->bits / 8, rest = p->bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return 0;
	return rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0;
}
