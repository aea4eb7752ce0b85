/* A child of the spawner: see child.h. */
#include "spawn/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/wipe.h"
#include "connection/handler.h"
#include "connection/handler_sandbox.h"
#include "ipc/fdpass.h"
#include "spawn/handoff.h"
#include "tls/wiped_heap.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* ---- one connection ---- */

/* Returns what handler_serve does. */
static int
serve(struct child *c, const struct pool_task *task, int sock, int signals)
{
	const struct handler_task own = {.sock = sock,
	    .signals = signals,
	    .tell = c->tell,
	    .is_last = task->is_last,
	    .woken = task->is_woken ? &task->wake : NULL};

	return handler_serve(&own, c->conf, c->tls);
}

/* The end of relay-handoff was a signal, and none to who serves another. */
static void
forget_signals(int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		;
}

static int
serve_handed_over(struct child *c, const struct pool_task *task,
    int fds[static POOL_FDS], int signals)
{
	int sock = handoff_take(fds[POOL_SOCKET], fds[POOL_OTHER_END]);
	int in_order = 0;

	fd_close(&fds[POOL_SOCKET]);
	fd_close(&fds[POOL_OTHER_END]);
	if (sock == -1)
		log_event(
		    LOG_INFO, "no-handoff", "error", strerror(errno), NULL);
	else
		in_order = serve(c, task, sock, signals);
	/* relay-handoff lives until now */
	fd_close(&fds[POOL_LIFELINE]);
	forget_signals(signals);
	return in_order;
}

/* ---- and the next ---- */

/* Returns 1, or 0 where there is none to come. */
static int
await(const struct child *c, int signals, struct pool_task *task,
    int fds[static POOL_FDS])
{
	struct pollfd pfd[2] = {
	    {.fd = c->channel, .events = POLLIN},
	    {.fd = signals, .events = POLLIN},
	};
	size_t came;

	if (send(c->channel, "", 1, MSG_NOSIGNAL) == -1)
		return 0;
	while (poll(pfd, 2, -1) == -1)
		if (errno != EINTR)
			return 0;
	/* what has been sent is served, and heeds the signal */
	if (fdpass_receive(c->channel, task, sizeof(*task), fds, POOL_FDS,
		&came) != (ssize_t)sizeof(*task))
		return 0;
	return came == (task->is_handoff ? POOL_FDS : 1);
}

static uint32_t
without(uint32_t ones, int fd)
{
	return fd >= 0 && fd < HANDLER_FDS_MAX ? ones & ~((uint32_t)1 << fd)
					       : ones;
}

static void
serve_all(struct child *c, struct pool_task task, int fds[static POOL_FDS],
    int signals)
{
	uint32_t own = fd_open_ones(HANDLER_FDS_MAX);
	int in_order = 1;

	for (size_t i = 0; i < POOL_FDS; i++)
		own = without(own, fds[i]);
	for (;;) {
		log_set_level(task.log_level);
		in_order = task.is_handoff
			       ? serve_handed_over(c, &task, fds, signals)
			       : serve(c, &task, fds[POOL_SOCKET], signals);
		if (task.is_last || !in_order)
			return;
		wipe_stack();
		if (fd_open_ones(HANDLER_FDS_MAX) != own) {
			log_event(LOG_ERR, "descriptors-left", NULL);
			return;
		}
		if (!await(c, signals, &task, fds))
			return;
	}
}

int
child_run(struct child *c, int sock, const struct pool_task *first)
{
	struct pool_task task = *first;
	int fds[POOL_FDS] = {sock, -1, -1}, signals;

	task.is_last = c->channel == -1;
	if (!task.is_last)
		wiped_heap_begin();
	/* what comes later is past the calls for it, and the spawner makes it
	 */
	if (task.is_handoff &&
	    handoff_lifeline(getpid(), &fds[POOL_LIFELINE]) == -1) {
		log_event(
		    LOG_INFO, "no-handoff", "error", strerror(errno), NULL);
		return EX_OSERR;
	}
	signals = handler_enter();
	if (signals == -1)
		return EX_OSERR;
	serve_all(c, task, fds, signals);
	return EX_OK;
}
