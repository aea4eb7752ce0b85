/* Who is at the other end: see peercred.h. */
#define _GNU_SOURCE
#include "ipc/peercred.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Whether group is among the peer's supplementary groups; -1 with errno. */
static int
has_group(int sock, gid_t group)
{
	socklen_t len = 0;
	gid_t none, *groups;
	int found = 0;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, &none, &len) == 0)
		return 0; /* there are none */
	if (errno != ERANGE)
		return -1;
	groups = malloc(len);
	if (groups == NULL)
		return -1;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == -1)
		found = -1;
	for (size_t i = 0; found == 0 && i < len / sizeof(gid_t); i++)
		found = groups[i] == group;
	free(groups);
	return found;
}

int
rights_of_peer(struct rights *rights, int sock, gid_t group)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return -1;
	rights->uid = cred.uid;
	rights->pid = cred.pid;
	rights->in_group = 0;
	if (group == (gid_t)-1)
		return 0;
	rights->in_group = cred.gid == group ? 1 : has_group(sock, group);
	return rights->in_group == -1 ? -1 : 0;
}
