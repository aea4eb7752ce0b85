/* Dialling out: see dial.h. */
#include "dial.h"
#include "deadline.h"
#include "fd.h"
#include "tcp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* Waits for a connect(2) under way. Returns 0, or -1 with errno. */
static int
await_connect(int fd, int64_t deadline)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(errno);
	int error = 0, rc;

	do {
		rc = poll(&pfd, 1, deadline_left(deadline));
	} while (rc == -1 && errno == EINTR);
	if (rc == 0)
		error = ETIMEDOUT;
	else if (rc == -1 ||
		 getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

static int
connect_to(const struct addrinfo *ai, int64_t deadline)
{
	int fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);

	if (fd == -1)
		return -1;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == -1 &&
	    (errno != EINPROGRESS || await_connect(fd, deadline) == -1)) {
		fd_close(&fd);
		return -1;
	}
	tcp_options(fd);
	return fd;
}

int
dial(const struct netaddr *addr, int64_t deadline, char *err, size_t errsize)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list, *ai;
	int rc, fd = -1;

	rc = getaddrinfo(addr->host, addr->port, &hints, &list);
	if (rc != 0) {
		snprintf(err, errsize, "%s: %s", addr->host,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return -1;
	}
	for (ai = list; ai != NULL && fd == -1; ai = ai->ai_next)
		fd = connect_to(ai, deadline);
	if (fd == -1)
		snprintf(err, errsize, "%s port %s: %s", addr->host, addr->port,
		    strerror(errno));
	freeaddrinfo(list);
	return fd;
}
