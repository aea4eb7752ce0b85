/* A server's children: see children.h. */
#include "children.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct child {
	pid_t pid;
	UT_hash_handle hh;
};

struct children {
	struct child *live;
};

struct children *
children_new(void)
{
	return calloc(1, sizeof(struct children));
}

void
children_free(struct children *set)
{
	struct child *c, *next;

	HASH_ITER(hh, set->live, c, next)
	{
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(set->live, c);
		free(c);
	}
	free(set);
}

int
children_add(struct children *set, pid_t pid)
{
	struct child *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -1;
	c->pid = pid;
	HASH_ADD(hh, set->live, pid, sizeof(c->pid), c);
	if (c->hh.tbl == NULL) {
		free(c);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

size_t
children_count(const struct children *set)
{
	return HASH_COUNT(set->live);
}

void
children_signal(const struct children *set, int sig)
{
	const struct child *c;

	for (c = set->live; c != NULL; c = c->hh.next)
		kill(c->pid, sig);
}

pid_t
children_reap(struct children *set, int *status)
{
	pid_t pid = waitpid(-1, status, WNOHANG);
	struct child *c;

	if (pid <= 0)
		return 0;
	HASH_FIND(hh, set->live, &pid, sizeof(pid), c);
	if (c != NULL) {
		HASH_DEL(set->live, c);
		free(c);
	}
	return pid;
}
