/*
 * relayagent(1): the remote side. Polls the relay over TLS with its client
 * certificate, and when a stone with the same one has come, joins it to the
 * target that its own configuration names.
 */
#include "agent/check.h"
#include "agent/conf.h"
#include "agent/notify.h"
#include "agent/pool.h"
#include "agent/sandbox.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
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

/* "check": its words are those of a start. */
static int
take_verb(int *argc, char ***argv, const char *verb)
{
	if (*argc < 2 || strcmp((*argv)[1], verb) != 0)
		return 0;
	(*argv)[1] = (*argv)[0];
	--*argc;
	++*argv;
	return 1;
}

int
main(int argc, char **argv)
{
	static const int signals[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, 0};
	static struct agent_source source;
	static struct agent_conf conf;
	struct agent_run run;
	struct failure f;
	int fd, rc, check;

	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	notify_keep();
	check = take_verb(&argc, &argv, "check");
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
	if (check)
		return agent_check(&source);
	if (agent_conf_read(&conf, &run, &source, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	if (run.json)
		program_fail(EX_USAGE, "--json is for check");
	if (run.test)
		return EX_OK;

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
