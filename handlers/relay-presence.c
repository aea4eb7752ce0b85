/*
 * relay-presence(8): tells other relays, through Valkey or Redis, which agents
 * are here, and the broker which relays have those that are not.
 */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/program.h"
#include "config/relay_program.h"
#include "ipc/ipc_socket.h"
#include "presence/presence.h"
#include "presence/presence_sandbox.h"
#include "tls/tls.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define NAME "relay-presence"

static void
load(struct presence *p)
{
	struct failure f;

	if (settings_load(&p->settings, p->conf_path, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
}

static void
open_all(struct presence *p)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};

	p->signals = program_signals(signals);
	if (p->signals == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	p->badge = ipc_socket_badge();
	if (p->badge == -1)
		program_fail(EX_OSERR, "socket: %s", strerror(errno));
}

/* The secrets are read as the user, as they will be at a reload. */
static void
become_user(const struct presence *p, int test)
{
	struct relay_users users;
	struct relay_conf conf;
	struct failure f;

	if (relay_conf_read(&conf, p->conf_path, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (test)
		relay_program_try_user(&conf);
	relay_program_users(&conf, &users);
	program_become(users.uid, users.gid);
	relay_conf_free(&conf);
}

int
main(int argc, char **argv)
{
	static struct presence p = {.badge = -1};
	struct relay_program_options o;
	int rc;

	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	o = relay_program_options(argc, argv, NAME, "c:DdtV");
	notify_keep();
	if (harden_process(-1) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	p.conf_path = o.conf;
	p.loaded = deadline_now();
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	become_user(&p, o.test);
	load(&p);
	if (o.test)
		return EX_OK;

	log_open(NAME, o.daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, o.debug);
	if (o.daemon && program_daemonize() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
	open_all(&p);
	if (presence_sandbox_enter(&p.settings) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	log_event(LOG_NOTICE, "start", "version", VERSION, "node",
	    p.settings.node, NULL);
	notify("READY=1");
	rc = presence_run(&p);
	log_event(LOG_NOTICE, "stop", NULL);
	settings_free(&p.settings);
	return rc;
}
