/* relay-stone as a daemon: see stone_server.h. */
#define _GNU_SOURCE
#include "stone_server.h"
#include "children.h"
#include "deadline.h"
#include "fd.h"
#include "log.h"
#include "program.h"
#include "stone_session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACCEPT_TURN  64  /* connections of one forward before the next's turn */
#define PAUSE_MS     100 /* out of processes or fds: let some end */
#define SESSIONS_MAX 4096 /* processes; more wait in the backlog */

enum phase { SERVING, DRAINING, ENDING };

struct loop {
	struct stone_server *server;
	struct children *children;
	enum phase phase;
	int64_t paused_until; /* no accept before; 0: it goes on */
};

/* ---- connections ---- */

static void
pause_accepting(struct loop *l, const char *what)
{
	log_event(LOG_ERR, "no-process", "call", what, "error", strerror(errno),
	    "sessions", LOG_U64(children_count(l->children)), NULL);
	l->paused_until = deadline_in(PAUSE_MS);
}

/* In the child: keeps the connection, and serves it. Does not return. */
static void
become_session(struct stone_server *server, struct forward *f, int sock)
{
	fd_close(&server->signals);
	forwards_close(server->forwards);
	_exit(stone_session_run(sock, f, &server->forwards->proxy));
}

static void
spawn(struct loop *l, struct forward *f, int sock)
{
	pid_t pid;

	if (!stone_session_admits(f, sock)) {
		stone_session_reset(sock);
		return;
	}
	pid = fork();
	if (pid == 0)
		become_session(l->server, f, sock);
	if (pid == -1) {
		pause_accepting(l, "fork");
		stone_session_reset(sock);
		return;
	}
	if (children_add(l->children, pid) == -1)
		log_event(LOG_ERR, "child-not-counted", "error",
		    strerror(errno), NULL);
	close(sock);
}

static void
accept_some(struct loop *l, struct forward *f)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int sock;

		if (children_count(l->children) >= SESSIONS_MAX) {
			errno = EAGAIN;
			pause_accepting(l, "accept");
			return;
		}
		sock = accept4(
		    f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (sock != -1)
			spawn(l, f, sock);
		else if (errno == EMFILE || errno == ENFILE ||
			 errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(l, "accept");
		if (sock == -1 || l->paused_until != 0)
			return;
	}
}

/* ---- signals ---- */

/* What the new set has not taken over of the old one's goes with it. */
static void
reload(struct stone_server *server)
{
	struct forwards *set;
	char err[512];

	set = forwards_read(
	    server->argc, server->argv, server->env, err, sizeof(err));
	if (set == NULL ||
	    forwards_listen(set, server->forwards, err, sizeof(err)) == -1) {
		log_event(LOG_ERR, "reload-failed", "error", err, NULL);
		forwards_free(set);
		return;
	}
	forwards_unlink(server->forwards);
	forwards_free(server->forwards);
	server->forwards = set;
	log_event(LOG_NOTICE, "reloaded", "forwards",
	    LOG_U64(set->conf.nforwards), NULL);
}

static void
stop(struct loop *l)
{
	if (l->phase == SERVING) {
		l->phase = DRAINING;
		forwards_unlink(l->server->forwards);
		forwards_close(l->server->forwards);
		log_event(LOG_NOTICE, "draining", "sessions",
		    LOG_U64(children_count(l->children)), NULL);
	} else {
		l->phase = ENDING;
		children_signal(l->children, SIGKILL);
	}
}

/* A session that did not end by itself is worth a line. */
static void
reap(struct loop *l)
{
	int status;
	pid_t pid;

	while ((pid = children_reap(l->children, &status)) != 0)
		if (WIFSIGNALED(status))
			log_event(LOG_ERR, "session-killed", "pid",
			    LOG_U64(pid), "signal", LOG_U64(WTERMSIG(status)),
			    NULL);
}

static void
serve_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->server->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(l);
		else if (info.ssi_signo != SIGHUP)
			stop(l);
		else if (l->phase == SERVING)
			reload(l->server);
	}
}

/* ---- the loop ---- */

static void
serve_once(struct loop *l)
{
	struct forwards *set = l->server->forwards;
	struct pollfd pfd[STONE_FORWARDS_MAX + 1];
	const size_t signals = set->conf.nforwards;
	int64_t until = DEADLINE_NONE;

	if (l->paused_until != 0 && deadline_left(l->paused_until) > 0)
		until = l->paused_until;
	else
		l->paused_until = 0;
	/* poll(2) passes over closed listeners, which are -1 */
	for (size_t i = 0; i < signals; i++)
		pfd[i] = (struct pollfd){
		    .fd = l->paused_until == 0 ? set->list[i].listener : -1,
		    .events = POLLIN};
	pfd[signals] = (struct pollfd){
	    .fd = l->server->signals, .events = POLLIN};
	if (poll(pfd, signals + 1, deadline_left(until)) <= 0)
		return;
	/* before the signals, which may change the set */
	for (size_t i = 0; i < signals && l->paused_until == 0; i++)
		if (pfd[i].revents != 0)
			accept_some(l, &set->list[i]);
	if (pfd[signals].revents != 0)
		serve_signals(l);
}

int
stone_server_run(struct stone_server *server)
{
	struct loop l = {.server = server, .children = children_new()};

	if (l.children == NULL)
		return EX_OSERR;
	while (l.phase == SERVING || children_count(l.children) > 0)
		serve_once(&l);
	children_free(l.children);
	return EX_OK;
}
