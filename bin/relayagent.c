/*
 * relayagent(1): the remote side. Polls the relay over TLS with its client
 * certificate, and when a stone with the same one has come, joins it to the
 * target that its own configuration names.
 */
#include "agent_conf.h"
#include "agent_pool.h"
#include "fd.h"
#include "harden.h"
#include "log.h"
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define NAME "relayagent"

int
main(int argc, char **argv)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGCHLD, 0};
	struct agent_conf conf;
	struct agent_run run;
	char err[512];
	int fd, rc;

	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	if (harden_process(-1) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (agent_conf_read(&conf, &run, argc, argv, err, sizeof(err)) == -1)
		program_fail(EX_CONFIG, "%s", err);
	if (run.test)
		return EX_OK;

	signal(SIGHUP, SIG_IGN); /* a service has no terminal to lose */
	log_open(NAME, run.daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, run.debug);
	if (run.daemon && program_daemonize() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
	fd = program_signals(signals);
	if (fd == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	log_event(LOG_NOTICE, "start", "version", VERSION, "relay",
	    conf.relay.host, "port", conf.relay.port, NULL);
	rc = agent_pool_run(&conf, fd);
	log_event(LOG_NOTICE, "stop", NULL);
	agent_conf_free(&conf);
	fd_close(&fd);
	return rc;
}
