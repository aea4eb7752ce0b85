/*
 * Who is at the other end of a Unix socket, as the kernel vouches for it.
 */
#ifndef IPC_PEERCRED_H
#define IPC_PEERCRED_H

#include <sys/types.h>

struct rights {
	uid_t uid;
	pid_t pid;
	int in_group; /* its group, or a supplementary one, is the one asked */
};

/* Asks about the peer of sock, and about group, (gid_t)-1 for none. Returns 0,
 * or -1 with errno. */
int rights_of_peer(struct rights *rights, int sock, gid_t group);

#endif
