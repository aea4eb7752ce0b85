/* A balancer in front of the relay: see balancer.h. */
#include "connection/balancer.h"
#include "base/deadline.h"
#include "base/prefix.h"
#include "connection/proxy_header.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

int
balancer_connects(const struct relay_conf *conf, int sock)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct prefix peer;

	if (conf->nproxy_from == 0)
		return 0;
	if (getpeername(sock, (struct sockaddr *)&ss, &len) == -1)
		return -1;
	if (prefix_of(&peer, (struct sockaddr *)&ss) == -1)
		return 0;
	for (size_t i = 0; i < conf->nproxy_from; i++)
		if (prefix_holds(&conf->proxy_from[i], &peer))
			return 1;
	return 0;
}

/*
 * Adds to the *len bytes at buf what comes next, up to size of them. Returns 0,
 * or -1 with errno: ETIMEDOUT or ECONNRESET.
 */
static int
receive(
    int sock, unsigned char *buf, size_t size, size_t *len, int64_t deadline)
{
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	ssize_t n;

	if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	n = recv(sock, buf + *len, size - *len, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		errno = ECONNRESET;
		return -1;
	}
	*len += (size_t)n;
	return 0;
}

int
balancer_read_header(int sock, int64_t deadline,
    char peer[static NETADDR_TEXT_MAX], struct failure *f)
{
	unsigned char buf[PROXY_HEADER_MAX];
	enum proxy_header_result rc;
	struct proxy_header header;
	size_t len = 0;

	while (
	    (rc = proxy_header_parse(&header, buf, len)) == PROXY_HEADER_MORE)
		if (receive(sock, buf, header.length, &len, deadline) == -1)
			return failure(f, "no PROXY header%s",
			    errno == ETIMEDOUT ? " in time" : "");
	if (rc == PROXY_HEADER_NONE)
		return failure(f, "no PROXY header");
	if (rc == PROXY_HEADER_BAD)
		return failure(f, "bad PROXY header");
	if (!header.is_local)
		netaddr_text((const struct sockaddr *)&header.source, peer);
	return 0;
}
