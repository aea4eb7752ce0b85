/* Connections from process to process: see shared_control.h. */
#include "stone/shared_control.h"
#include "base/fd.h"
#include "ipc/fdpass.h"

#include <errno.h>
#include <stddef.h>

int
shared_control_send(int sock, const struct shared_control *h, int fd)
{
	return fdpass_send(sock, h, sizeof(*h), &fd, fd != -1);
}

int
shared_control_receive(int sock, struct shared_control *h, int *fd)
{
	size_t came;
	ssize_t n = fdpass_receive(sock, h, sizeof(*h), fd, 1, &came);

	if (n <= 0)
		return (int)n;
	if (n == sizeof(*h) && came == (h->what == HANDOVER_CONNECTION))
		return 1;
	fd_close(fd);
	errno = EPROTO;
	return -1;
}
