/* What two handlers share: see hop_fds.h. */
#define _GNU_SOURCE
#include "ipc/hop_fds.h"
#include "base/fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Neither handler may cut the memory off under the other (SIGBUS). */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int
hop_fds_make(struct hop_fds *h)
{
	int pair[2];

	*h = (struct hop_fds){-1, -1, -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) == -1)
		return -1;
	h->stone = pair[0];
	h->agent = pair[1];
	h->memory = memfd_create("hop", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (h->memory != -1 && ftruncate(h->memory, HOP_MEMORY_BYTES) == 0 &&
	    fcntl(h->memory, F_ADD_SEALS, SEALS) == 0)
		return 0;
	hop_fds_close(h);
	return -1;
}

void
hop_fds_close(struct hop_fds *h)
{
	fd_close(&h->stone);
	fd_close(&h->agent);
	fd_close(&h->memory);
}
