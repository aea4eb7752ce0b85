/* Listening on a Unix stream socket: see unix_listener.h. */
#include "base/unix_listener.h"
#include "base/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

/* Whether the socket at sun is left over: there, but nobody answers. */
static int
is_left_over(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, FLAGS, 0), rc;

	if (fd == -1)
		return 0;
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	rc = rc == -1 && errno == ECONNREFUSED;
	fd_close(&fd);
	return rc;
}

int
unix_listener_open(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const struct sockaddr *sa = (const struct sockaddr *)&sun;
	int fd = socket(AF_UNIX, FLAGS, 0), rc;

	if (fd == -1)
		return -1;
	strcpy(sun.sun_path, path);
	rc = bind(fd, sa, sizeof(sun));
	if (rc == -1 && errno == EADDRINUSE && is_left_over(&sun) &&
	    unlink(path) == 0)
		rc = bind(fd, sa, sizeof(sun));
	if (rc == -1 || listen(fd, SOMAXCONN) == -1)
		fd_close(&fd);
	return fd;
}
