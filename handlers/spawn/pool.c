/* Children that serve one connection after another: see pool.h. */
#define _GNU_SOURCE
#include "spawn/pool.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/fdpass.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MAX 128   /* at a time: as many as may come at once */
#define IDLE_MS  10000 /* then memory is worth more than what is saved */
#define LONG_MS  1000  /* a connection beside which a new process is cheap */
#define HEARD    32    /* channels of one epoll_wait(2) */

int
pool_open(struct pool *p)
{
	*p = (struct pool){.next = {-1, -1}};
	p->watch = epoll_create1(EPOLL_CLOEXEC);
	return p->watch == -1 ? -1 : 0;
}

void
pool_close(struct pool *p)
{
	pool_retire(p);
	fd_close(&p->watch);
}

/* A copy of the channel in a child that has not closed it yet stays watched. */
static void
let_go(struct pool *p, struct pool_member *m)
{
	epoll_ctl(p->watch, EPOLL_CTL_DEL, m->channel, NULL);
	fd_close(&m->channel);
	*m = p->members[--p->count];
}

/* ---- before, in and after a fork ---- */

/* The busy one that has served longest, if that is long; NULL: none. */
static struct pool_member *
find_long(struct pool *p)
{
	const int64_t now = deadline_now();
	struct pool_member *found = NULL;

	for (size_t i = 0; i < p->count; i++) {
		struct pool_member *m = &p->members[i];

		if (!m->idle && now - m->since >= LONG_MS &&
		    (found == NULL || m->since < found->since))
			found = m;
	}
	return found;
}

void
pool_prepare(struct pool *p)
{
	struct pool_member *m;

	if (p->count == POOL_MAX && (m = find_long(p)) != NULL)
		let_go(p, m);
	if (p->count == POOL_MAX || p->next[0] != -1)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, p->next) == -1)
		p->next[0] = p->next[1] = -1;
}

int
pool_become_child(struct pool *p)
{
	fd_close(&p->watch);
	fd_close(&p->next[0]);
	for (size_t i = 0; i < p->count; i++)
		fd_close(&p->members[i].channel);
	return p->next[1];
}

void
pool_add(struct pool *p, pid_t pid, unsigned left)
{
	struct epoll_event event = {.events = EPOLLIN};

	fd_close(&p->next[1]);
	if (p->next[0] == -1)
		return;
	event.data.fd = p->next[0];
	if (epoll_ctl(p->watch, EPOLL_CTL_ADD, p->next[0], &event) == -1) {
		fd_close(&p->next[0]);
		return;
	}
	p->members[p->count++] = (struct pool_member){.pid = pid,
	    .channel = p->next[0],
	    .left = left,
	    .since = deadline_now()};
	p->next[0] = -1;
}

/* ---- connections ---- */

struct pool_member *
pool_idle(struct pool *p)
{
	struct pool_member *found = NULL;

	for (size_t i = 0; i < p->count; i++) {
		struct pool_member *m = &p->members[i];

		if (m->idle && (found == NULL || m->since > found->since))
			found = m;
	}
	return found;
}

int
pool_give(struct pool *p, struct pool_member *m, struct pool_task task,
    const int fds[static POOL_FDS])
{
	size_t n = 0;
	int rc;

	while (n < POOL_FDS && fds[n] != -1)
		n++;
	task.is_last = m->left == 1;
	rc = fdpass_send(m->channel, &task, sizeof(task), fds, n);
	m->idle = 0;
	m->left--;
	m->since = deadline_now();
	if (rc == -1 || task.is_last)
		let_go(p, m);
	return rc;
}

/* ---- what becomes of them ---- */

static size_t
count_idle(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++)
		n += p->members[i].idle != 0;
	return n;
}

/* Whether m has said what it may, and may serve on. */
static int
is_free(struct pool *p, const struct pool_member *m,
    int (*rests)(void *arg, pid_t pid), void *arg)
{
	char byte[2];

	return recv(m->channel, byte, sizeof(byte), 0) == 1 && !m->idle &&
	       rests(arg, m->pid) && count_idle(p) < IDLE_MAX;
}

static void
rest(struct pool_member *m)
{
	m->idle = 1;
	m->since = deadline_now();
	log_event(LOG_DEBUG, "idle", "pid", LOG_U64(m->pid), "uses",
	    LOG_U64(m->left), NULL);
}

static struct pool_member *
of_channel(struct pool *p, int channel)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->members[i].channel == channel)
			return &p->members[i];
	return NULL;
}

void
pool_listen(struct pool *p, int (*rests)(void *arg, pid_t pid), void *arg)
{
	struct epoll_event events[HEARD];
	int n = epoll_wait(p->watch, events, HEARD, 0);

	for (int i = 0; i < n; i++) {
		struct pool_member *m = of_channel(p, events[i].data.fd);

		if (m == NULL)
			continue;
		if (is_free(p, m, rests, arg))
			rest(m);
		else
			let_go(p, m);
	}
}

int64_t
pool_due(const struct pool *p)
{
	int64_t due = DEADLINE_NONE;

	for (size_t i = 0; i < p->count; i++)
		if (p->members[i].idle)
			due = deadline_first(
			    due, p->members[i].since + IDLE_MS);
	return due;
}

void
pool_tidy(struct pool *p)
{
	/* from the last on, since each leaves the list */
	for (size_t i = p->count; i > 0; i--)
		if (p->members[i - 1].idle &&
		    deadline_left(p->members[i - 1].since + IDLE_MS) == 0)
			let_go(p, &p->members[i - 1]);
}

void
pool_forget(struct pool *p, pid_t pid)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->members[i].pid == pid) {
			let_go(p, &p->members[i]);
			return;
		}
}

void
pool_retire(struct pool *p)
{
	while (p->count > 0)
		let_go(p, &p->members[p->count - 1]);
	fd_close(&p->next[0]);
	fd_close(&p->next[1]);
}
