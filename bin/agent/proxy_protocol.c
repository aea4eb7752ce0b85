/* The PROXY protocol, version 2: see proxy_protocol.h. */
#include "agent/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define SIGNATURE     "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_LEN 12
#define LOCAL         0x20 /* version and command */
#define PROXY         0x21
#define UNSPEC        0x00 /* family and transport */
#define TCP_V4        0x11
#define TCP_V6        0x21

/* One end, as v4 and as v6; the port in network order. */
struct place {
	int is_v6;
	struct in_addr v4;
	struct in6_addr v6;
	in_port_t port;
};

static void
map_v4(struct place *p)
{
	memset(&p->v6, 0, sizeof(p->v6));
	memset(p->v6.s6_addr + 10, 0xff, 2);
	memcpy(p->v6.s6_addr + 12, &p->v4, sizeof(p->v4));
}

static int
set_source(struct place *p, const char *text)
{
	memset(p, 0, sizeof(*p));
	if (inet_pton(AF_INET, text, &p->v4) == 1) {
		map_v4(p);
		return 0;
	}
	p->is_v6 = 1;
	return inet_pton(AF_INET6, text, &p->v6) == 1 ? 0 : -1;
}

/* Takes the source's family where it has none of its own. */
static void
set_destination(struct place *p, const struct sockaddr *sa, int is_v6)
{
	memset(p, 0, sizeof(*p));
	p->is_v6 = is_v6;
	if (sa != NULL && sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		p->v4 = in->sin_addr;
		p->port = in->sin_port;
		p->is_v6 = 0;
		map_v4(p);
	} else if (sa != NULL && sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		p->v6 = in6->sin6_addr;
		p->port = in6->sin6_port;
		p->is_v6 = 1;
	}
}

static unsigned char *
add(unsigned char *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

size_t
proxy_protocol_write(unsigned char out[static PROXY_PROTOCOL_MAX],
    const char *source, const struct sockaddr *destination)
{
	unsigned char *at = add(out, SIGNATURE, SIGNATURE_LEN);
	struct place from, to;
	unsigned char head[4] = {LOCAL, UNSPEC, 0, 0};

	if (set_source(&from, source) == -1) {
		at = add(at, head, sizeof(head));
		return (size_t)(at - out);
	}
	set_destination(&to, destination, from.is_v6);
	head[0] = PROXY;
	if (from.is_v6 || to.is_v6) {
		head[1] = TCP_V6;
		head[3] = 2 * sizeof(from.v6) + 2 * sizeof(from.port);
		at = add(at, head, sizeof(head));
		at = add(at, &from.v6, sizeof(from.v6));
		at = add(at, &to.v6, sizeof(to.v6));
	} else {
		head[1] = TCP_V4;
		head[3] = 2 * sizeof(from.v4) + 2 * sizeof(from.port);
		at = add(at, head, sizeof(head));
		at = add(at, &from.v4, sizeof(from.v4));
		at = add(at, &to.v4, sizeof(to.v4));
	}
	at = add(at, &from.port, sizeof(from.port));
	at = add(at, &to.port, sizeof(to.port));
	return (size_t)(at - out);
}
