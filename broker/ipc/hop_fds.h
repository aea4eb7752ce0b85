/*
 * What the broker makes for the two handlers of a session: a pair of sockets,
 * and a piece of memory that both map. The handlers' channel/hop.h says what
 * they do with them.
 */
#ifndef IPC_HOP_FDS_H
#define IPC_HOP_FDS_H

/* A page of bookkeeping, and a ring of bytes each way (channel/ring.h). */
#define HOP_PAGE         4096
#define HOP_RING_BYTES   262144 /* a power of two */
#define HOP_MEMORY_BYTES (HOP_PAGE + 2 * HOP_RING_BYTES)

struct hop_fds {
	int stone, agent; /* SOCK_SEQPACKET, non-blocking */
	int memory;       /* memfd_create(2), HOP_MEMORY_BYTES long, for good */
};

/* Returns 0, or -1 with errno and nothing to close. All are close-on-exec. */
int hop_fds_make(struct hop_fds *h);

/* Closes all three. */
void hop_fds_close(struct hop_fds *h);

#endif
