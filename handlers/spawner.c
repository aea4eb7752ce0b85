/* The spawner's loop: see spawner.h. */
#define _GNU_SOURCE
#include "spawner.h"
#include "children.h"
#include "deadline.h"
#include "fd.h"
#include "handler.h"
#include "log.h"
#include "program.h"
#include "registration.h"
#include "tls_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
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
	struct registration broker;
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
become_handler(struct spawner *s, int *broker, int sock)
{
	close_listeners(s);
	fd_close(&s->signals);
	fd_close(broker);
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
		become_handler(l->spawner, &l->broker.fd, sock);
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

/* Returns 0, or -1 with a reason in err: then all stays as it is. */
static int
reload(struct loop *l, char *err, size_t errsize)
{
	struct spawner *s = l->spawner;
	struct tls_material tls;
	struct conf conf;

	if (conf_read(&conf, s->conf_path, err, errsize) == -1)
		goto fail;
	if (tls_server_load(&tls, &conf, err, errsize) == -1) {
		conf_free(&conf);
		goto fail;
	}
	/* the listeners stay as they are: it is no longer root */
	memcpy(conf.listen, s->conf.listen, sizeof(conf.listen));
	conf.nlisten = s->conf.nlisten;
	tls_material_free(&s->tls);
	conf_free(&s->conf);
	s->tls = tls;
	s->conf = conf;
	l->broker.socket = s->conf.socket;
	log_event(LOG_NOTICE, "reloaded", NULL);
	return 0;
fail:
	log_event(LOG_ERR, "reload-failed", "error", err, NULL);
	return -1;
}

/* SIGHUP: the broker lets all others know. */
static void
reload_everywhere(struct loop *l)
{
	const struct message m = {.type = MESSAGE_RELOAD};
	char err[ADMIN_TEXT_MAX];

	reload(l, err, sizeof(err));
	registration_tell(&l->broker, &m);
}

/* ---- the broker ---- */

static void
serve_broker(struct loop *l)
{
	struct message answer = {.type = MESSAGE_RECHECKED};
	struct wire_packet packet;
	char err[ADMIN_TEXT_MAX];

	while (registration_receive(&l->broker, &packet)) {
		fd_close(&packet.fd);
		if (packet.message.type == MESSAGE_LOG_LEVEL)
			log_set_level((int)packet.message.u.log_level.level);
		if (packet.message.type != MESSAGE_RECHECK)
			continue;
		answer.u.rechecked.verdict = RECHECK_GOOD;
		if (reload(l, err, sizeof(err)) == -1) {
			answer.u.rechecked.verdict = RECHECK_FAILED;
			snprintf(answer.u.rechecked.reason,
			    sizeof(answer.u.rechecked.reason), "%s", err);
		}
		registration_tell(&l->broker, &answer);
	}
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
			reload_everywhere(l);
		else
			stop(l);
	}
}

/* ---- the loop ---- */

static void
serve_once(struct loop *l)
{
	struct spawner *s = l->spawner;
	struct pollfd pfd[CONF_LISTEN_MAX + 2];
	int64_t until = DEADLINE_NONE;
	nfds_t n = 0;

	registration_connect(&l->broker);
	pfd[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	pfd[n++] = (struct pollfd){.fd = l->broker.fd, .events = POLLIN};
	if (l->paused_until != 0 && deadline_left(l->paused_until) > 0)
		until = l->paused_until;
	else
		l->paused_until = 0;
	if (l->phase == SERVING && l->paused_until == 0)
		for (size_t i = 0; i < s->conf.nlisten; i++)
			pfd[n++] = (struct pollfd){
			    .fd = s->listeners[i], .events = POLLIN};
	until = deadline_first(until, registration_due(&l->broker));
	if (poll(pfd, n, deadline_left(until)) <= 0)
		return;
	/* before the signals, which may close the listeners */
	for (nfds_t i = 2; i < n && l->paused_until == 0; i++)
		if (pfd[i].revents != 0)
			accept_some(l, pfd[i].fd);
	if (pfd[1].revents != 0)
		serve_broker(l);
	if (pfd[0].revents != 0)
		serve_signals(l);
}

int
spawner_run(struct spawner *s)
{
	struct loop l = {.spawner = s, .children = children_new()};

	if (l.children == NULL)
		return EX_OSERR;
	registration_init_spawner(&l.broker, s->conf.socket);
	while (l.phase == SERVING || children_count(l.children) > 0)
		serve_once(&l);
	registration_close(&l.broker);
	children_free(l.children);
	return EX_OK;
}
