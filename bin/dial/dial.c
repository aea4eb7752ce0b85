/* Dialling out: see dial.h. */
#include "dial/dial.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "channel/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define ADDRESSES_MAX 16  /* of one name; more are not tried */
#define STAGGER_MS    250 /* RFC 8305 section 8 */

/* The attempts to reach one name. */
struct attempts {
	const struct addrinfo *order[ADDRESSES_MAX];
	struct pollfd pfd[ADDRESSES_MAX]; /* fd -1: failed */
	nfds_t naddresses;
	nfds_t begun;
	int64_t next; /* when the next address has its turn */
	int error;    /* of the last that failed */
};

/* ---- the order ---- */

static const struct addrinfo *
next_of(const struct addrinfo *ai, int family, int same)
{
	while (ai != NULL && (ai->ai_family == family) != same)
		ai = ai->ai_next;
	return ai;
}

/* The resolver's order, but the families take turns (RFC 8305 section 4). */
size_t
dial_order(
    const struct addrinfo *list, const struct addrinfo **order, size_t most)
{
	int family = list->ai_family, same = 1;
	const struct addrinfo *heads[2] = {
	    next_of(list, family, 0), next_of(list, family, 1)};
	size_t n = 0;

	while (n < most && (heads[0] != NULL || heads[1] != NULL)) {
		if (heads[same] != NULL) {
			order[n++] = heads[same];
			heads[same] = next_of(
			    heads[same]->ai_next, family, same);
		}
		same = !same;
	}
	return n;
}

/* From the last on, each changes places with one up to itself. */
void
dial_shuffle(const struct addrinfo **order, size_t n, uint32_t (*chance)(void))
{
	while (n-- > 1) {
		const struct addrinfo *last = order[n];
		size_t same = 0, which;

		for (size_t i = 0; i <= n; i++)
			same += order[i]->ai_family == last->ai_family;
		which = chance() % same;
		for (size_t i = 0; i <= n; i++)
			if (order[i]->ai_family == last->ai_family &&
			    which-- == 0) {
				order[n] = order[i];
				order[i] = last;
				break;
			}
	}
}

/* ---- the attempts ---- */

/* Returns a socket that connects or has connected, or -1 with errno. */
static int
start_connect(
    int family, int protocol, const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(
	    family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	if (fd == -1)
		return -1;
	if (connect(fd, sa, len) == -1 && errno != EINPROGRESS)
		fd_close(&fd);
	return fd;
}

int
dial_start(const struct sockaddr *sa, socklen_t len)
{
	int fd = start_connect(sa->sa_family, 0, sa, len);

	if (fd != -1 && sa->sa_family != AF_UNIX)
		tcp_options(fd);
	return fd;
}

int
dial_address(const struct sockaddr *sa, socklen_t len, int timeout)
{
	int fd = dial_start(sa, len), error = 0;
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(error);

	if (fd == -1)
		return -1;
	if (poll(&pfd, 1, timeout) != 1)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
		error = errno;
	if (error == 0)
		return fd;
	fd_close(&fd);
	errno = error;
	return -1;
}

static void
begin_next(struct attempts *a)
{
	const struct addrinfo *ai = a->order[a->begun];
	int fd = start_connect(
	    ai->ai_family, ai->ai_protocol, ai->ai_addr, ai->ai_addrlen);

	if (fd == -1)
		a->error = errno;
	a->next = fd == -1 ? 0 : deadline_in(STAGGER_MS);
	a->pfd[a->begun++] = (struct pollfd){.fd = fd, .events = POLLOUT};
}

/* Returns the connected socket, taken out of the attempts, or -1. */
static int
take_connected(struct attempts *a)
{
	for (nfds_t i = 0; i < a->begun; i++) {
		socklen_t len = sizeof(int);
		int error = 0, fd = a->pfd[i].fd;

		if (fd == -1 || a->pfd[i].revents == 0)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
			error = errno;
		if (error == 0) {
			a->pfd[i].fd = -1;
			return fd;
		}
		a->error = error;
		fd_close(&a->pfd[i].fd);
		a->next = 0; /* do not wait for a turn */
	}
	return -1;
}

static int
under_way(const struct attempts *a)
{
	for (nfds_t i = 0; i < a->begun; i++)
		if (a->pfd[i].fd != -1)
			return 1;
	return 0;
}

/* Returns the first connection, or -1 with a->error. */
static int
race(struct attempts *a, int64_t deadline)
{
	for (;;) {
		int more = a->begun < a->naddresses, fd;
		int64_t until = deadline;

		if (more && deadline_left(a->next) == 0) {
			begin_next(a);
			more = a->begun < a->naddresses;
		}
		if (!more && !under_way(a))
			return -1;
		if (more)
			until = deadline_first(deadline, a->next);
		if (poll(a->pfd, a->begun, deadline_left(until)) > 0 &&
		    (fd = take_connected(a)) != -1)
			return fd;
		if (deadline_left(deadline) == 0) {
			a->error = ETIMEDOUT;
			return -1;
		}
	}
}

static int
dial_name(
    const struct netaddr *addr, int spread, int64_t deadline, struct failure *f)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct attempts a = {.next = 0};
	struct addrinfo *list;
	int rc, fd;

	rc = getaddrinfo(addr->host, addr->port, &hints, &list);
	if (rc != 0)
		return failure(f, "%s: %s", addr->host,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	a.naddresses = dial_order(list, a.order, ADDRESSES_MAX);
	if (spread)
		dial_shuffle(a.order, a.naddresses, deadline_random);
	fd = race(&a, deadline);
	for (nfds_t i = 0; i < a.begun; i++)
		fd_close(&a.pfd[i].fd);
	freeaddrinfo(list);
	if (fd == -1)
		failure(f, "%s port %s: %s", addr->host, addr->port,
		    strerror(a.error));
	else
		tcp_options(fd);
	return fd;
}

int
dial(const struct netaddr *addr, int64_t deadline, struct failure *f)
{
	return dial_name(addr, 0, deadline, f);
}

int
dial_spread(const struct netaddr *addr, int64_t deadline, struct failure *f)
{
	return dial_name(addr, 1, deadline, f);
}

/* ---- Unix sockets ---- */

int
dial_unix(const char *path, int64_t deadline, struct failure *f)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if (len >= sizeof(sun.sun_path))
		return failure(f, "%s: path too long", path);
	memcpy(sun.sun_path, path, len);
	for (;;) {
		fd = start_connect(AF_UNIX, 0, (const void *)&sun, sizeof(sun));
		if (fd != -1)
			return fd;
		/* a full backlog raises no event when it has room again */
		if (errno != EAGAIN || deadline_left(deadline) == 0)
			break;
		poll(NULL, 0, 20);
	}
	return failure(f, "%s: %s", path, strerror(errno));
}
