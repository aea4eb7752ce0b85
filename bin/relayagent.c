/*
 * relayagent(1): the remote side. Polls the relay over TLS with its client
 * certificate, and when a stone with the same one has come, joins it to the
 * target that its own configuration names.
 */
#include "agent/check.h"
#include "agent/conf.h"
#include "agent/install.h"
#include "agent/metrics.h"
#include "agent/pool.h"
#include "agent/sandbox.h"
#include "agent/status.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/program.h"
#include "status/first_word.h"
#include "status/status.h"

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

static int
ask(enum first_word word, int argc, char **argv)
{
	struct agent_run run;
	struct failure f;

	if (agent_words_run(&run, argc, argv, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	first_word_options(word, run.json, run.textfile);
	return word == WORD_METRICS ? agent_metrics_run(run.file, run.textfile)
				    : agent_status_run(run.file, run.json);
}

static void
read_conf(struct agent_conf *conf, struct agent_run *run,
    const struct agent_source *source)
{
	struct failure f;

	if (agent_conf_read(conf, run, source, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	first_word_options(WORD_NONE, run->json, run->textfile);
}

/* Nobody can ask then, but all else goes on. */
static int
listen_status(const struct agent_run *run)
{
	struct failure f;
	int fd = status_listen(NAME, run->file, &f);

	if (fd == -1 && *f.text != '\0')
		log_event(LOG_NOTICE, "no-status", "error", f.text, NULL);
	return fd;
}

static int
serve(struct agent_conf *conf, const struct agent_run *run,
    struct agent_source *source, int signals)
{
	int status, rc;

	log_open(NAME, run->daemon ? LOG_TO_SYSLOG : LOG_TO_STDERR, run->debug);
	status = listen_status(run);
	if (run->daemon)
		become_daemon(source);
	harden_raise_nofile(); /* a session may carry many connections */
	if (agent_sandbox_enter(conf) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	log_event(LOG_NOTICE, "start", "version", VERSION, "relay",
	    conf->relays.list[0].host, "port", conf->relays.list[0].port, NULL);
	rc = agent_pool_run(conf, source, signals, status);
	log_event(LOG_NOTICE, "stop", NULL);
	fd_close(&status);
	return rc;
}

int
main(int argc, char **argv)
{
	static const int signals[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, 0};
	static struct agent_source source;
	static struct agent_conf conf;
	struct agent_run run;
	enum first_word word;
	int fd, rc;

	if (fd_sane_std() == -1)
		return EX_OSERR;
	log_open(NAME, LOG_TO_STDERR, 0);
	notify_keep();
	status_keep();
	word = first_word_take(&argc, &argv);
	if (agent_source_keep(&source, argc, argv) == -1)
		program_fail(EX_OSERR, "set-up: %s", strerror(errno));
	if (harden_process(-1) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	if (word == WORD_STATUS || word == WORD_METRICS)
		return ask(word, argc, argv);
	/* early, so that nobody's question is the end of it */
	fd = word == WORD_NONE ? program_signals(signals) : -1;
	if (word == WORD_NONE && fd == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (word == WORD_CHECK)
		return agent_check(&source);
	read_conf(&conf, &run, &source);
	if (run.test)
		return EX_OK;
	if (run.install)
		return agent_install(&source);
	rc = serve(&conf, &run, &source, fd);
	fd_close(&fd);
	return rc;
}
