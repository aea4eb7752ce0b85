/* A server that forks: see forker.h. */
#define _GNU_SOURCE
#include "fork/forker.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Connections of one listener before the next's turn. */
#define ACCEPT_TURN 64
#define PAUSE_MS    100 /* out of processes or fds: let some end */

/* ---- connections ---- */

void
forker_log_shortage(const struct forker *f, const char *call)
{
	log_event(LOG_ERR, f->words->shortage, "call", call, "error",
	    strerror(errno), f->words->count,
	    LOG_U64(children_count(f->children)), NULL);
}

static void
pause_accepting(struct forker *f, const char *call)
{
	forker_log_shortage(f, call);
	f->paused_until = deadline_in(PAUSE_MS);
}

static void
refuse(const struct forker *f, int sock)
{
	if (f->calls->refuse != NULL)
		f->calls->refuse(sock);
	else
		close(sock);
}

static int
admits(const struct forker *f, size_t listener, int sock)
{
	return f->calls->admits == NULL || f->calls->admits(f, listener, sock);
}

void
forker_serve(struct forker *f, size_t listener, int sock)
{
	pid_t pid;

	if (f->calls->reuse != NULL && f->calls->reuse(f, listener, sock)) {
		close(sock);
		return;
	}
	pid = fork();
	if (pid == 0) {
		fd_close(&f->signals);
		_exit(f->calls->child(f, listener, sock));
	}
	if (pid == -1) {
		pause_accepting(f, "fork");
		refuse(f, sock);
		return;
	}
	if (children_add(f->children, pid) == -1)
		log_event(LOG_ERR, "child-not-counted", "error",
		    strerror(errno), NULL);
	if (f->calls->started != NULL)
		f->calls->started(f, listener, pid);
	close(sock);
}

static int
is_full(const struct forker *f)
{
	return f->children_max != 0 &&
	       children_count(f->children) >= f->children_max;
}

static void
accept_some(struct forker *f, size_t listener, int fd)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int sock;

		if (is_full(f)) {
			errno = EAGAIN;
			pause_accepting(f, "accept");
			return;
		}
		sock = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (sock != -1 && admits(f, listener, sock))
			forker_serve(f, listener, sock);
		else if (sock != -1)
			refuse(f, sock);
		else if (errno == EMFILE || errno == ENFILE ||
			 errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(f, "accept");
		if (sock == -1 || f->paused_until != 0)
			return;
	}
}

/* ---- signals ---- */

static void
stop(struct forker *f)
{
	if (f->draining) {
		children_signal(f->children, SIGKILL);
		return;
	}
	f->draining = 1;
	f->calls->drain(f);
}

/* What serves next has the listeners, and the children need no parent. */
static void
leave(struct forker *f)
{
	f->leaving = 1;
	if (!f->draining)
		stop(f);
}

/* A child that did not end by itself is worth a line. */
static void
reap(struct forker *f)
{
	int status;
	pid_t pid;

	while ((pid = children_reap(f->children, &status)) != 0) {
		int known = f->calls->ended != NULL && f->calls->ended(f, pid);

		if (WIFSIGNALED(status) && !known)
			log_event(LOG_ERR, f->words->killed, "pid",
			    LOG_U64(pid), "signal", LOG_U64(WTERMSIG(status)),
			    NULL);
	}
}

static void
serve_signals(struct forker *f)
{
	struct signalfd_siginfo info;

	while (read(f->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(f);
		else if (info.ssi_signo == SIGHUP)
			f->calls->reload(f);
		else if (info.ssi_signo == SIGUSR2)
			leave(f);
		else
			stop(f);
	}
}

/* ---- the loop ---- */

/* Returns when the pause ends; DEADLINE_NONE: there is none, or no more. */
static int64_t
pause_end(struct forker *f)
{
	if (f->paused_until != 0 && deadline_left(f->paused_until) > 0)
		return f->paused_until;
	f->paused_until = 0;
	return DEADLINE_NONE;
}

static void
serve_once(struct forker *f)
{
	const struct forker_calls *calls = f->calls;
	struct pollfd pfd[1 + FORKER_ASIDE_MAX + FORKER_LISTENERS_MAX];
	struct pollfd *const asides = pfd + 1;
	struct pollfd *const listeners = asides + FORKER_ASIDE_MAX;
	int fds[FORKER_LISTENERS_MAX];
	int aside[FORKER_ASIDE_MAX] = {-1, -1, -1}, is_aside = 0;
	int64_t until = DEADLINE_NONE;
	size_t n;

	if (calls->aside != NULL)
		until = calls->aside(f, aside);
	until = deadline_first(until, pause_end(f));
	pfd[0] = (struct pollfd){.fd = f->signals, .events = POLLIN};
	for (size_t i = 0; i < FORKER_ASIDE_MAX; i++)
		asides[i] = (struct pollfd){.fd = aside[i], .events = POLLIN};
	/* poll(2) passes over what is -1 */
	n = calls->listeners(f, fds);
	for (size_t i = 0; i < n; i++)
		listeners[i] = (struct pollfd){
		    .fd = f->paused_until == 0 ? fds[i] : -1, .events = POLLIN};
	if (poll(pfd, 1 + FORKER_ASIDE_MAX + n, deadline_left(until)) <= 0)
		return;
	/* before the signals, which may change the listeners */
	for (size_t i = 0; i < n && f->paused_until == 0; i++)
		if (listeners[i].revents != 0)
			accept_some(f, i, fds[i]);
	for (size_t i = 0; i < FORKER_ASIDE_MAX; i++)
		is_aside |= asides[i].revents;
	if (is_aside != 0)
		calls->serve_aside(f);
	if (pfd[0].revents != 0)
		serve_signals(f);
}

int
forker_run(struct forker *f)
{
	f->children = children_new();
	if (f->children == NULL)
		return EX_OSERR;
	while (!f->leaving && (!f->draining || children_count(f->children) > 0))
		serve_once(f);
	children_free(f->children);
	f->children = NULL;
	return EX_OK;
}
