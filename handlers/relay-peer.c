/*
 * relay-peer(8): joins a stone at this relay with an agent at another. It
 * accepts other relays, and dials them, with a certificate of its own, and has
 * a process for each session that crosses.
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
#include "peer/peer_sandbox.h"
#include "peer/peerd.h"
#include "tls/tls.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define NAME "relay-peer"

static void
listen_for_relays(struct peerd *p)
{
	struct failure f;

	if (p->conf.peer_listen.host[0] == '\0')
		return;
	p->listener = netaddr_listen(&p->conf.peer_listen, SOMAXCONN, &f);
	if (p->listener == -1)
		program_fail(EX_UNAVAILABLE, "%s", f.text);
}

static void
load(struct peerd *p)
{
	struct failure f;

	if (peer_places_find(p->places, &p->conf, &f) == -1 ||
	    peer_material_load(&p->material, &p->conf, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
}

static void
open_all(struct peerd *p)
{
	static const int signals[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR2, 0};

	p->signals = program_signals(signals);
	if (p->signals == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	p->badge = ipc_socket_badge();
	if (p->badge == -1 || nodes_open(&p->nodes) == -1 ||
	    filewatch_open(&p->crl) == -1)
		program_fail(EX_OSERR, "socket: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	static struct peerd p = {.listener = -1, .badge = -1};
	struct relay_program_options o;
	struct failure f;
	struct relay_users users;
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
	if (relay_conf_read(&p.conf, p.conf_path, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (p.conf.peer_certificate == NULL)
		program_fail(EX_CONFIG, "%s: no peer line, and no peer_listen",
		    p.conf_path);
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (o.test)
		relay_program_try_user(&p.conf);
	relay_program_users(&p.conf, &users);
	if (!o.test)
		listen_for_relays(&p);
	/* the key is read as the user, as it will be at a reload */
	program_become(users.uid, users.gid);
	load(&p);
	if (o.test)
		return EX_OK;

	log_open(NAME, o.daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, o.debug);
	if (o.daemon && program_daemonize() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
	open_all(&p);
	if (peer_sandbox_enter(&p) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	log_event(LOG_NOTICE, "start", "version", VERSION, "node",
	    p.material.name, NULL);
	notify("READY=1");
	rc = peerd_run(&p);
	log_event(LOG_NOTICE, "stop", NULL);
	peer_material_free(&p.material);
	relay_conf_free(&p.conf);
	return rc;
}
