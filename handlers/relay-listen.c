/*
 * relay-listen(8): the relay's own spawner, for hosts without xinetd and for
 * speed. Binds as root, or has its sockets from the service manager, becomes
 * the relay's user, loads TLS once, and forks a handler for each connection,
 * also those that xinetd(8) accepted.
 */
#define _GNU_SOURCE
#include "base/activation.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/program.h"
#include "config/relay_conf.h"
#include "config/relay_program.h"
#include "ipc/ipc_socket.h"
#include "spawn/listen_sandbox.h"
#include "spawn/spawner.h"
#include "tls/server.h"
#include "tls/wiped_heap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "relay-listen"

/*
 * No more than are served while they wait: where handshakes are late, who has
 * waited long will leave in the middle of one, and none ends. TCP has the
 * others come again, in a second at first.
 */
#define BACKLOG 512

/* What the service manager passes on counts in place of the listen lines. */
static void
take_listeners(struct spawner *s, size_t passed)
{
	struct failure f;

	if (passed > CONF_LISTEN_MAX)
		program_fail(EX_CONFIG,
		    "the service manager has more than %d sockets for it",
		    CONF_LISTEN_MAX);
	if (activation_take(s->listeners, passed, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	s->nlisteners = passed;
}

static void
open_listeners(struct spawner *s)
{
	struct failure f;

	for (size_t i = 0; i < s->conf.nlisten; i++) {
		s->listeners[i] = netaddr_listen(
		    &s->conf.listen[i], BACKLOG, &f);
		if (s->listeners[i] == -1)
			program_fail(EX_UNAVAILABLE, "%s", f.text);
	}
	s->nlisteners = s->conf.nlisten;
}

static void
listen_all(struct spawner *s, size_t passed, const struct relay_users *users)
{
	const struct ipc_socket_access access = {
	    users->uid, users->gid, {relay_users_meet(users), (gid_t)-1}};
	struct failure f;

	if (passed > 0)
		take_listeners(s, passed);
	else
		open_listeners(s);
	if (s->nlisteners == 0 && s->conf.handoff == NULL)
		program_fail(EX_CONFIG, "%s: no listen line, and no handoff",
		    s->conf_path);
	if (s->conf.handoff == NULL)
		return;
	s->handoff = ipc_socket_listen(
	    s->conf.handoff, &access, &s->handoff_lock, &f);
	if (s->handoff == -1)
		program_fail(EX_UNAVAILABLE, "%s", f.text);
}

/* Its handlers are of another user, which it can have them become. */
static void
become(const struct relay_users *users)
{
	if (harden_drop_to_parent(users->uid, users->gid, users->handler) == -1)
		program_fail(EX_OSERR, "cannot become uid %lu: %s",
		    (unsigned long)users->uid, strerror(errno));
}

int
main(int argc, char **argv)
{
	static const int signals[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR2, 0};
	struct spawner s = {.handoff = -1, .handoff_lock = -1, .badge = -1};
	struct relay_program_options o;
	struct failure f;
	struct relay_users users;
	size_t passed;
	int rc;

	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	o = relay_program_options(argc, argv, NAME, "c:DdtV");
	notify_keep();
	passed = activation_count();
	if (harden_process_keeping(
		ACTIVATION_FIRST, ACTIVATION_FIRST - 1 + (int)passed) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	s.conf_path = o.conf;
	s.loaded = deadline_now();
	if (relay_conf_read(&s.conf, s.conf_path, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (wiped_heap_init() == -1 || tls_init() == -1 ||
	    tls_server_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (o.test)
		relay_program_try_user(&s.conf);
	relay_program_users(&s.conf, &users);
	if (!o.test)
		listen_all(&s, passed, &users);
	/* the keys are read as the user, as they will be at a reload */
	become(&users);
	if (tls_server_load(&s.tls, &s.conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (o.test && tls_server_check(&s.tls, &s.conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (o.test)
		return EX_OK;

	log_open(NAME, o.daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, o.debug);
	if (o.daemon && program_daemonize() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
	s.signals = program_signals(signals);
	if (s.signals == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	s.badge = ipc_socket_badge();
	if (s.badge == -1 || arrivals_open(&s.arrivals) == -1 ||
	    pool_open(&s.pool) == -1)
		program_fail(EX_OSERR, "socket: %s", strerror(errno));
	if (listen_sandbox_enter(&s.conf) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	log_event(LOG_NOTICE, "start", "version", VERSION, NULL);
	notify("READY=1");
	rc = spawner_run(&s);
	log_event(LOG_NOTICE, "stop", NULL);
	pool_close(&s.pool);
	arrivals_free(&s.arrivals);
	tls_material_free(&s.tls);
	relay_conf_free(&s.conf);
	return rc;
}
