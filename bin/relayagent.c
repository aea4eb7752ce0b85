/*
 * relayagent(1): the remote side. Polls the relay over TLS with its client
 * certificate, and when a stone with the same one has come, joins it to the
 * target that its own configuration names.
 */
#include "agent/conf.h"
#include "agent/install.h"
#include "agent/pool.h"
#include "agent/sandbox.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define NAME "relayagent"

/* The configuration is read again at SIGHUP, from wherever a daemon is then. */
static void
become_daemon(struct agent_source *source)
{
	source->base = source->folder;
	if (program_daemonize() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	static const int signals[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, 0};
	static struct agent_source source;
	static struct agent_conf conf;
	struct agent_run run;
	struct failure f;
	int fd, rc;

	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	notify_keep();
	if (agent_source_keep(&source, argc, argv) == -1)
		program_fail(EX_OSERR, "set-up: %s", strerror(errno));
	if (harden_process(-1) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	/* early, so that nobody's question is the end of it */
	fd = program_signals(signals);
	if (fd == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (agent_conf_read(&conf, &run, &source, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (run.test)
		return EX_OK;
	if (run.install)
		return agent_install(&source);

	log_open(NAME, run.daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, run.debug);
	if (run.daemon)
		become_daemon(&source);
	harden_raise_nofile(); /* a session may carry many connections */
	if (agent_sandbox_enter(&conf) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	log_event(LOG_NOTICE, "start", "version", VERSION, "relay",
	    conf.relays[0].host, "port", conf.relays[0].port, NULL);
	rc = agent_pool_run(&conf, &source, fd);
	log_event(LOG_NOTICE, "stop", NULL);
	fd_close(&fd);
	return rc;
}
