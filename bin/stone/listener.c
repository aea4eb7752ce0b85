/* The sockets that relay-stone listens on: see listener.h. */
#include "stone/listener.h"
#include "base/fd.h"
#include "base/unix_listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static int
open_on(const struct addrinfo *ai, int v6only)
{
	const int on = 1;
	int fd = socket(ai->ai_family, FLAGS, 0);

	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (ai->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
		    sizeof(v6only)) == -1) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, SOMAXCONN) == -1)
		fd_close(&fd);
	return fd;
}

/* The first address of the place's family, as stone takes it. */
static int
open_tcp(const struct stone_listen *where, const char **why)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE,
	    .ai_family = where->family,
	    .ai_socktype = SOCK_STREAM,
	};
	const char *host = where->addr.host;
	struct addrinfo *ai;
	int rc, fd;

	rc = getaddrinfo(
	    *host != '\0' ? host : NULL, where->addr.port, &hints, &ai);
	if (rc != 0) {
		*why = rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc);
		return -1;
	}
	/* with an address of its own it is no place for IPv4 */
	fd = open_on(ai, where->v6only || *host != '\0');
	*why = strerror(errno);
	freeaddrinfo(ai);
	return fd;
}

int
listener_open(const struct stone_listen *where, struct failure *f)
{
	char text[256];
	const char *why;
	int fd;

	if (where->path != NULL) {
		fd = unix_listener_open(where->path);
		why = strerror(errno);
	} else {
		fd = open_tcp(where, &why);
	}
	if (fd == -1) {
		stone_endpoint_text(where, text, sizeof(text));
		failure(f, "cannot listen on %s: %s", text, why);
	}
	return fd;
}
