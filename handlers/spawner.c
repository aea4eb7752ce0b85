/* The spawner's loop: see spawner.h. */
#define _GNU_SOURCE
#include "spawner.h"
#include "children.h"
#include "deadline.h"
#include "fd.h"
#include "handler.h"
#include "log.h"
#include "program.h"
#include "tls_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACCEPT_TURN                                                            \
	64           /* connections of one listener before the next's turn     \
		      */
#define PAUSE_MS 100 /* out of processes or fds: let some end */

enum phase { SERVING, DRAINING, ENDING };

struct loop {
	struct spawner *spawner;
	struct children *children;
	enum phase phase;
	int64_t paused_until; /* no accept before */
};

static void
close_listeners(struct spawner *s)
{
	for (size_t i = 0; i < s->conf.nlisten; i++)
		fd_close(&s->listeners[i]);
}

/* ---- connections ---- */

/* In the child: keeps the connection, and serves it. Does not return. */
static void
become_handler(struct spawner *s, int sock)
{
	close_listeners(s);
	fd_close(&s->signals);
	_exit(handler_run(sock, &s->conf, &s->tls));
}

static void
pause_accepting(struct loop *l, const char *what)
{
	log_event(LOG_ERR, "no-handler", "call", what, "error", strerror(errno),
	    "handlers", LOG_U64(children_count(l->children)), NULL);
	l->paused_until = deadline_in(PAUSE_MS);
}

static void
spawn(struct loop *l, int sock)
{
	pid_t pid = fork();

	if (pid == 0)
		become_handler(l->spawner, sock);
	if (pid == -1)
		pause_accepting(l, "fork");
	else if (children_add(l->children, pid) == -1)
		log_event(LOG_ERR, "child-not-counted", "error",
		    strerror(errno), NULL);
	close(sock);
}

static void
accept_some(struct loop *l, int listener)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int sock = accept4(
		    listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (sock != -1)
			spawn(l, sock);
		else if (errno == EMFILE || errno == ENFILE ||
			 errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(l, "accept");
		if (sock == -1 || l->paused_until != 0)
			return;
	}
}

/* ---- signals ---- */

static void
reload(struct spawner *s)
{
	struct tls_material tls;
	struct conf conf;
	char err[512];

	if (conf_read(&conf, s->conf_path, err, sizeof(err)) == -1) {
		log_event(LOG_ERR, "reload-failed", "error", err, NULL);
		return;
	}
	if (tls_server_load(&tls, &conf, err, sizeof(err)) == -1) {
		log_event(LOG_ERR, "reload-failed", "error", err, NULL);
		conf_free(&conf);
		return;
	}
	/* the listeners stay as they are: it is no longer root */
	memcpy(conf.listen, s->conf.listen, sizeof(conf.listen));
	conf.nlisten = s->conf.nlisten;
	tls_material_free(&s->tls);
	conf_free(&s->conf);
	s->tls = tls;
	s->conf = conf;
	log_event(LOG_NOTICE, "reloaded", NULL);
}

static void
stop(struct loop *l)
{
	if (l->phase == SERVING) {
		l->phase = DRAINING;
		close_listeners(l->spawner);
		children_signal(l->children, SIGTERM);
		log_event(LOG_NOTICE, "draining", "handlers",
		    LOG_U64(children_count(l->children)), NULL);
	} else {
		l->phase = ENDING;
		children_signal(l->children, SIGKILL);
	}
}

/* A handler that did not end by itself is worth a line. */
static void
reap(struct loop *l)
{
	int status;
	pid_t pid;

	while ((pid = children_reap(l->children, &status)) != 0)
		if (WIFSIGNALED(status))
			log_event(LOG_ERR, "handler-killed", "pid",
			    LOG_U64(pid), "signal", LOG_U64(WTERMSIG(status)),
			    NULL);
}

static void
serve_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->spawner->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(l);
		else if (info.ssi_signo == SIGHUP)
			reload(l->spawner);
		else
			stop(l);
	}
}

/* ---- the loop ---- */

static void
serve_once(struct loop *l)
{
	struct spawner *s = l->spawner;
	struct pollfd pfd[CONF_LISTEN_MAX + 1];
	int64_t until = DEADLINE_NONE;
	nfds_t n = 0;

	pfd[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	if (l->paused_until != 0 && deadline_left(l->paused_until) > 0)
		until = l->paused_until;
	else
		l->paused_until = 0;
	if (l->phase == SERVING && l->paused_until == 0)
		for (size_t i = 0; i < s->conf.nlisten; i++)
			pfd[n++] = (struct pollfd){
			    .fd = s->listeners[i], .events = POLLIN};
	if (poll(pfd, n, deadline_left(until)) <= 0)
		return;
	/* before the signals, which may close the listeners */
	for (nfds_t i = 1; i < n && l->paused_until == 0; i++)
		if (pfd[i].revents != 0)
			accept_some(l, pfd[i].fd);
	if (pfd[0].revents != 0)
		serve_signals(l);
}

int
spawner_run(struct spawner *s)
{
	struct loop l = {.spawner = s, .children = children_new()};

	if (l.children == NULL)
		return EX_OSERR;
	while (l.phase == SERVING || children_count(l.children) > 0)
		serve_once(&l);
	children_free(l.children);
	return EX_OK;
}
