/* Internet addresses as people write them: see netaddr.h. */
#include "base/netaddr.h"
#include "base/fd.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int
netaddr_parse(struct netaddr *addr, const char *text, struct failure *f)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t hostlen;

	if (colon == NULL || colon[1] == '\0')
		return failure(f, "%s: no port (write host:port)", text);
	hostlen = (size_t)(colon - text);
	if (hostlen >= 2 && text[0] == '[' && text[hostlen - 1] == ']') {
		host++;
		hostlen -= 2;
	} else if (memchr(host, ':', hostlen) != NULL) {
		return failure(
		    f, "%s: write a v6 address as [addr]:port", text);
	}
	if (hostlen == 0 || hostlen >= sizeof(addr->host) ||
	    strlen(colon + 1) >= sizeof(addr->port))
		return failure(f, "%s: not a host:port", text);
	memcpy(addr->host, host, hostlen);
	addr->host[hostlen] = '\0';
	strcpy(addr->port, colon + 1);
	return 0;
}

int
netaddr_check_port(const char *port, struct failure *f)
{
	if (isdigit((unsigned char)*port))
		return number_parse(port, 1, 65535) != -1
			   ? 0
			   : failure(f, "%s: not a port", port);
	if (getservbyname(port, "tcp") != NULL)
		return 0;
	return failure(f, "%s: neither a port nor a service's name", port);
}

int
netaddr_check_numeric(const struct netaddr *addr, struct failure *f)
{
	struct in6_addr any;

	if (inet_pton(AF_INET, addr->host, &any) != 1 &&
	    inet_pton(AF_INET6, addr->host, &any) != 1)
		return failure(f,
		    "%s: not a numeric address (a daemon starts before the "
		    "name service)",
		    addr->host);
	if (number_parse(addr->port, 1, 65535) == -1)
		return failure(f, "%s: not a port of 1 to 65535", addr->port);
	return 0;
}

static int
listen_on(const struct addrinfo *ai, int backlog)
{
	const int on = 1;
	int fd;

	fd = socket(
	    ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (ai->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
		    -1) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, backlog) == -1)
		fd_close(&fd);
	return fd;
}

int
netaddr_listen(const struct netaddr *addr, int backlog, struct failure *f)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST,
	    .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *ai;
	int rc, fd;

	rc = getaddrinfo(addr->host, addr->port, &hints, &ai);
	if (rc != 0)
		return failure(f, "listen %s port %s: %s", addr->host,
		    addr->port, gai_strerror(rc));
	fd = listen_on(ai, backlog);
	if (fd == -1)
		failure(f, "listen %s port %s: %s", addr->host, addr->port,
		    strerror(errno));
	freeaddrinfo(ai);
	return fd;
}

void
netaddr_text(const struct sockaddr *sa, char text[static NETADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(
		    text, NETADDR_TEXT_MAX, "%s:%u", host, ntohs(in->sin_port));
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;
		int mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

		inet_ntop(mapped ? AF_INET : AF_INET6,
		    in6->sin6_addr.s6_addr + (mapped ? 12 : 0), host,
		    sizeof(host));
		snprintf(text, NETADDR_TEXT_MAX, mapped ? "%s:%u" : "[%s]:%u",
		    host, ntohs(in6->sin6_port));
	} else {
		snprintf(text, NETADDR_TEXT_MAX, "unknown");
	}
}

uint16_t
netaddr_port(const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	return ntohs(sa->sa_family == AF_INET6 ? in6->sin6_port : in->sin_port);
}

void
netaddr_peer(int sock, char text[static NETADDR_TEXT_MAX])
{
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(ss);

	getpeername(sock, (struct sockaddr *)&ss, &len);
	netaddr_text((struct sockaddr *)&ss, text);
}

void
netaddr_host(const char *text, char host[static NETADDR_TEXT_MAX])
{
	struct netaddr addr;
	struct failure f;

	if (netaddr_parse(&addr, text, &f) == 0)
		snprintf(host, NETADDR_TEXT_MAX, "%.*s", NETADDR_TEXT_MAX - 1,
		    addr.host);
	else
		snprintf(host, NETADDR_TEXT_MAX, "unknown");
}
