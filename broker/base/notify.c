/* Telling the service manager: see notify.h. */
#include "base/notify.h"
#include "base/fd.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Where to; an empty path: nobody asked. */
static struct sockaddr_un manager = {.sun_family = AF_UNIX};

void
notify_keep(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	size_t len = path != NULL ? strlen(path) : 0;

	if (len > 0 && (*path == '/' || *path == '@') &&
	    len < sizeof(manager.sun_path))
		memcpy(manager.sun_path, path, len + 1);
}

int
notify_connect(void)
{
	struct sockaddr_un to = manager;
	size_t len = strlen(to.sun_path);
	int fd;

	if (len == 0)
		return -1;
	if (to.sun_path[0] == '@') /* the abstract namespace */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1 && connect(fd, (const void *)&to,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					len)) == -1)
		fd_close(&fd);
	return fd;
}

void
notify(const char *format, ...)
{
	int fd = notify_connect();
	char text[256];
	va_list ap;
	int n;

	if (fd == -1)
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* a manager that does not listen will see for itself */
	if (n > 0 && (size_t)n < sizeof(text))
		send(fd, text, (size_t)n, MSG_NOSIGNAL);
	fd_close(&fd);
}
