/* Polls that were told to end: see ending.h. */
#include "agent/ending.h"
#include "agent/poll.h"
#include "base/fd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

/* One that has just taken a stone holds the signal back. */
void
ending_add(struct ending *e, int news, pid_t pid, const char *relay)
{
	struct ending_poll *poll = &e->list[e->n];

	if (pid != 0)
		kill(pid, SIGTERM);
	if (e->n == ENDING_MAX) {
		fd_close(&news);
		return;
	}
	poll->news = news;
	poll->pid = pid;
	snprintf(poll->relay, sizeof(poll->relay), "%s", relay);
	e->n++;
}

void
ending_wants(const struct ending *e, struct pollfd *pfd)
{
	for (size_t i = 0; i < e->n; i++)
		pfd[i] = (struct pollfd){
		    .fd = e->list[i].news, .events = POLLIN};
}

/*
 * Reads what is there of one, up to the news that count. Returns POLL_TAKEN, 0
 * where nothing more has come, or POLL_FAILED at the end of it.
 */
static int
last_news(const struct ending_poll *poll)
{
	char what;
	ssize_t n;

	do {
		n = recv(poll->news, &what, sizeof(what), MSG_DONTWAIT);
	} while (n == 1 && what == POLL_WAITS);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n == 1 && what == POLL_TAKEN ? POLL_TAKEN : POLL_FAILED;
}

int
ending_next(struct ending *e, struct ending_poll *taken)
{
	for (size_t i = 0; i < e->n;) {
		struct ending_poll *poll = &e->list[i];
		const int news = last_news(poll);

		if (news == 0) {
			i++;
			continue;
		}
		fd_close(&poll->news);
		*taken = *poll;
		*poll = e->list[--e->n];
		if (news == POLL_TAKEN)
			return 1;
	}
	return 0;
}

unsigned
ending_processes(const struct ending *e)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += e->list[i].pid != 0;
	return n;
}

void
ending_reaped(struct ending *e, pid_t pid)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->list[i].pid == pid)
			e->list[i].pid = 0;
}

void
ending_forget(struct ending *e)
{
	while (e->n > 0)
		fd_close(&e->list[--e->n].news);
}
