/* A server's children: see children.h. */
#include "fork/children.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define ROOM_MIN 1024

/*
 * A plain array: a thousand are searched in less time than a fork(2) takes, and
 * memory that came and went with each child would be holes in the heap, from
 * which later children have more pages of their own (spawn/prefork.h).
 */
struct children {
	pid_t *pids;
	size_t count, room;
};

struct children *
children_new(void)
{
	return calloc(1, sizeof(struct children));
}

void
children_free(struct children *set)
{
	free(set->pids);
	free(set);
}

static int
make_room(struct children *set)
{
	size_t room = set->room == 0 ? ROOM_MIN : 2 * set->room;
	pid_t *more;

	if (set->count < set->room)
		return 0;
	more = realloc(set->pids, room * sizeof(*more));
	if (more == NULL)
		return -1;
	set->pids = more;
	set->room = room;
	return 0;
}

int
children_add(struct children *set, pid_t pid)
{
	if (make_room(set) == -1)
		return -1;
	set->pids[set->count++] = pid;
	return 0;
}

size_t
children_count(const struct children *set)
{
	return set->count;
}

void
children_signal(const struct children *set, int sig)
{
	for (size_t i = 0; i < set->count; i++)
		kill(set->pids[i], sig);
}

pid_t
children_reap(struct children *set, int *status)
{
	pid_t pid = waitpid(-1, status, WNOHANG);

	if (pid <= 0)
		return 0;
	for (size_t i = 0; i < set->count; i++)
		if (set->pids[i] == pid) {
			set->pids[i] = set->pids[--set->count];
			break;
		}
	return pid;
}
