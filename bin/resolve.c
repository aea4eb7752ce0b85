/* Addresses of targets, from a child: see resolve.h. */
#define _GNU_SOURCE
#include "resolve.h"
#include "deadline.h"
#include "dial.h"
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUT     3     /* the child's end of the pipe */
#define GOOD_MS 30000 /* names move; a failure is asked anew at once */

/* Returns 0, or what getaddrinfo(3) does. */
static int
look_up(struct resolved *found, const struct target *t, int flags)
{
	const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	const struct addrinfo *order[RESOLVE_MAX];
	struct addrinfo *list;
	int rc = getaddrinfo(t->addr.host, t->addr.port, &hints, &list);

	if (rc != 0)
		return rc;
	found->count = dial_order(list, order, RESOLVE_MAX);
	for (size_t i = 0; i < found->count; i++) {
		found->list[i].len = order[i]->ai_addrlen;
		memcpy(&found->list[i].sa, order[i]->ai_addr,
		    order[i]->ai_addrlen);
	}
	freeaddrinfo(list);
	return 0;
}

static void
set_path(struct resolved *found, const char *path)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&found->list[0].sa;

	sun->sun_family = AF_UNIX;
	strcpy(sun->sun_path, path); /* target_parse has seen to its length */
	found->list[0].len = sizeof(*sun);
	found->count = 1;
}

/*
 * In the child, which keeps nobody's socket open; a byte says that it is so. A
 * pipe takes all this at once.
 */
static void
answer(int out, const struct target *t)
{
	struct resolved found = {0};
	ssize_t n;
	int rc;

	if (dup2(out, OUT) == -1 || close_range(OUT + 1, ~0U, 0) == -1 ||
	    write(OUT, "", 1) != 1)
		_exit(1);
	rc = look_up(&found, t, 0);
	if (rc != 0)
		snprintf(found.error, sizeof(found.error), "%s: %s",
		    t->addr.host,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	n = write(OUT, &found, sizeof(found));
	_exit(n == sizeof(found) ? 0 : 1);
}

static int
start_child(struct resolve *r, const struct target *t)
{
	int ends[2];
	char ready;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return -1;
	r->child = fork();
	if (r->child == 0)
		answer(ends[1], t);
	fd_close(&ends[1]);
	if (r->child == -1) {
		fd_close(&ends[0]);
		return -1;
	}
	r->pipe = ends[0];
	if (read(r->pipe, &ready, 1) == 1)
		return 0;
	resolve_stop(r);
	errno = EAGAIN;
	return -1;
}

int
resolve_start(struct resolve *r, const struct target *t)
{
	if (r->pipe != -1)
		return 0;
	if (r->found.count > 0 && deadline_left(r->until) != 0)
		return 1;
	memset(&r->found, 0, sizeof(r->found));
	r->until = DEADLINE_NONE;
	if (t->addr.host[0] == '\0') {
		set_path(&r->found, t->path);
		return 1;
	}
	if (look_up(&r->found, t, AI_NUMERICHOST) == 0)
		return 1;
	if (start_child(r, t) == 0)
		return 0;
	snprintf(r->found.error, sizeof(r->found.error), "%s: %s", t->addr.host,
	    strerror(errno));
	return 1;
}

void
resolve_take(struct resolve *r)
{
	ssize_t n = read(r->pipe, &r->found, sizeof(r->found));

	if (n != sizeof(r->found) || r->found.count > RESOLVE_MAX) {
		memset(&r->found, 0, sizeof(r->found));
		snprintf(r->found.error, sizeof(r->found.error),
		    "the resolver's process ended");
	}
	r->until = deadline_in(GOOD_MS);
	resolve_stop(r);
}

void
resolve_stop(struct resolve *r)
{
	if (r->pipe == -1)
		return;
	kill(r->child, SIGKILL);
	waitpid(r->child, NULL, 0);
	fd_close(&r->pipe);
}
