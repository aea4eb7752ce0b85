/* Listeners from the service manager: see activation.h. */
#include "base/activation.h"
#include "base/fd.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_MAX 1024 /* more is no service's */

/* The number that this variable is; 0 where it is none. */
static int64_t
variable(const char *name, int64_t max)
{
	const char *text = getenv(name);
	int64_t n = text != NULL ? number_parse(text, 1, max) : -1;

	return n == -1 ? 0 : n;
}

size_t
activation_count(void)
{
	return variable("LISTEN_PID", INT_MAX) == getpid()
		   ? (size_t)variable("LISTEN_FDS", COUNT_MAX)
		   : 0;
}

/* Returns what getsockopt(2) says, or -1. */
static int
option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == -1 ? -1
								    : value;
}

static int
listens_for_tcp(int fd)
{
	const int domain = option(fd, SO_DOMAIN);

	return (domain == AF_INET || domain == AF_INET6) &&
	       option(fd, SO_TYPE) == SOCK_STREAM &&
	       option(fd, SO_ACCEPTCONN) == 1;
}

int
activation_take(int *fds, size_t count, struct failure *f)
{
	for (size_t i = 0; i < count; i++) {
		fds[i] = ACTIVATION_FIRST + (int)i;
		if (!listens_for_tcp(fds[i]))
			return failure(f,
			    "fd %d of the service manager does not listen for "
			    "TCP",
			    fds[i]);
		if (fd_nonblock(fds[i]) == -1 ||
		    fcntl(fds[i], F_SETFD, FD_CLOEXEC) == -1)
			return failure(f, "fd %d of the service manager: %s",
			    fds[i], strerror(errno));
	}
	return 0;
}
