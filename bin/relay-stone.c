/*
 * relay-stone(1): the local side. Accepts connections of local clients, as a
 * daemon or from xinetd(8), or serves the one that started it, and takes each
 * to the relay over TLS with its client certificate, where the agent with the
 * same one waits.
 */
#define _GNU_SOURCE
#include "base/failure.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/program.h"
#include "status/first_word.h"
#include "status/status.h"
#include "stone/check.h"
#include "stone/forward.h"
#include "stone/forward_listeners.h"
#include "stone/install.h"
#include "stone/metrics.h"
#include "stone/sandbox.h"
#include "stone/server.h"
#include "stone/single.h"
#include "stone/status.h"
#include "warp/request.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "relay-stone"

static void
usage(void)
{
	fprintf(stderr,
	    "usage: " NAME " [-DdlNnrtV] [--sessions n] file.warp listen\n"
	    "       " NAME " --install [--sessions n] file.warp listen\n"
	    "       " NAME " --request name\n"
	    "       " NAME
	    " [-DdlNnrtV] [--inetd | --sessions n | --stdio] -C file\n"
	    "       " NAME " [-DdlNnrtV] -q word ... relay listen request "
	    "[client ...]\n"
	    "       " NAME " check [--json] word ...\n"
	    "       " NAME " status [--json] word ...\n"
	    "       " NAME " metrics [--textfile path] word ...\n");
	exit(EX_USAGE);
}

/* Under xinetd fd 2 is the client: this must be known before any message. */
static int
is_inetd(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--inetd") == 0)
			return 1;
	return 0;
}

/* Whoever starts it for one connection is told what goes wrong, no more. */
static void
open_log(const struct stone_conf *conf)
{
	const enum log_target target = conf->daemon || conf->syslog ||
					       !fd_stderr_usable()
					   ? LOG_TO_SYSLOG
					   : LOG_TO_STDERR;

	log_open(NAME, target, conf->debug);
	if (conf->source == STONE_STDIO && target == LOG_TO_STDERR &&
	    !conf->debug)
		log_set_level(LOG_WARNING);
}

/* One that serves a single connection must know what it is to do with it. */
static void
check_single(const struct stone_conf *conf)
{
	const char *name = conf->source == STONE_INETD ? "--inetd" : "--stdio";

	if (conf->install)
		program_fail(
		    EX_CONFIG, "%s: a service listens: leave it out", name);
	if (conf->nforwards != 1)
		program_fail(EX_CONFIG, "%s: more than one forward", name);
	if (conf->forwards[0].sessions > 0 && !conf->forwards[0].elastic)
		program_fail(EX_CONFIG,
		    "%s: --sessions is for a relay-stone that listens", name);
}

static struct forwards *
read_all(int argc, char **argv, const struct proxy_environment *env)
{
	struct forwards *set;
	const char *part;
	struct failure f;

	set = forwards_read(argc, argv, env, &part, &f);
	if (set == NULL)
		program_fail(EX_CONFIG, "%s", f.text);
	if (set->conf.version) {
		printf(NAME " %s\n", VERSION);
		exit(EX_OK);
	}
	first_word_options(WORD_NONE, set->conf.json, set->conf.textfile);
	if (set->conf.wanted != NULL)
		exit(warp_request_run(set->conf.wanted, NAME, "8080"));
	if (set->conf.help || (set->conf.nforwards == 0 && argc == 1))
		usage();
	if (set->conf.nforwards == 0)
		program_fail(EX_CONFIG, "%s: no forward in it",
		    set->conf.file != NULL ? set->conf.file : "command line");
	if (set->conf.source != STONE_LISTEN)
		check_single(&set->conf);
	return set;
}

/* It stays in its folder, from which paths start at a SIGHUP too. */
static int
become_daemon(void)
{
	char *folder = get_current_dir_name();
	int rc = -1;

	if (folder != NULL && program_daemonize() == 0)
		rc = chdir(folder);
	free(folder);
	return rc;
}

static void
enter_sandbox(const struct forwards *set)
{
	if (stone_sandbox_enter(set) == -1 || stone_sandbox_session() == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
}

static int
serve_inetd(struct forwards *set, int sock)
{
	struct forward *forward = &set->list[0];

	if (sock == -1)
		program_fail(EX_USAGE,
		    "fd 0 is no socket: start it from xinetd (see " NAME
		    "(1))");
	if (!stone_single_admits(forward, sock)) {
		stone_single_reset(sock);
		return EX_NOPERM;
	}
	enter_sandbox(set);
	return stone_single_run(sock, forward, &set->proxy);
}

/* Whoever starts it could use the key without it: he may, in any case. */
static int
serve_stdio(struct forwards *set)
{
	enter_sandbox(set);
	return stone_single_run_stdio(&set->list[0], &set->proxy);
}

static int
serve_all(struct stone_server *server)
{
	static const int signals[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR2, 0};
	const int daemon = server->forwards->conf.daemon;
	const char *file = server->forwards->conf.file;
	struct failure f;
	int rc;

	if (forwards_listen(server->forwards, NULL, &f) == -1)
		program_fail(EX_UNAVAILABLE, "%s", f.text);
	server->status = stone_status_new(file != NULL ? file : "");
	if (server->status == NULL)
		program_fail(EX_OSERR, "status: %s", strerror(errno));
	if (daemon && become_daemon() == -1)
		program_fail(EX_OSERR, "daemon: %s", strerror(errno));
	server->signals = program_signals(signals);
	if (server->signals == -1)
		program_fail(EX_OSERR, "signals: %s", strerror(errno));
	harden_raise_nofile(); /* a session may carry many connections */
	if (stone_sandbox_enter(server->forwards) == -1)
		program_fail(EX_OSERR, "sandbox: %s", strerror(errno));
	notify("READY=1");
	log_event(LOG_NOTICE, "start", "version", VERSION, "forwards",
	    LOG_U64(server->forwards->conf.nforwards), NULL);
	rc = stone_server_run(server);
	log_event(LOG_NOTICE, "stop", NULL);
	fd_close(&server->signals);
	stone_status_free(server->status);
	return rc;
}

static int
serve(struct stone_server *server, int sock)
{
	const struct stone_conf *conf = &server->forwards->conf;

	if (conf->test)
		return EX_OK;
	if (conf->install)
		return stone_install(server->forwards);
	open_log(conf);
	switch (conf->source) {
	case STONE_INETD:
		return serve_inetd(server->forwards, sock);
	case STONE_STDIO:
		return serve_stdio(server->forwards);
	default:
		return serve_all(server);
	}
}

static int
ask(enum first_word word, int argc, char **argv)
{
	static struct stone_conf conf;
	struct stone_words words;
	const char *file;
	struct failure f;
	size_t next;

	if (stone_words_from_argv(&words, argc, argv, &f) == -1 ||
	    stone_conf_options(&conf, &words, &next, &f) == -1)
		program_fail(EX_CONFIG, "%s", f.text);
	first_word_options(word, conf.json, conf.textfile);
	file = conf.file != NULL ? conf.file : "";
	return word == WORD_METRICS ? stone_metrics_run(file, conf.textfile)
				    : stone_status_run(file, conf.json);
}

int
main(int argc, char **argv)
{
	static struct proxy_environment env;
	const enum first_word word = first_word_take(&argc, &argv);
	struct stone_server server = {.argc = argc, .argv = argv, .env = &env};
	int sock = -1, rc;

	if (word == WORD_NONE && is_inetd(argc, argv))
		sock = fd_take_inetd_socket();
	if (sock == -1 && fd_sane_std() == -1)
		return EX_OSERR;
	open_log(&(const struct stone_conf){0});
	status_keep();
	notify_keep();
	if (proxy_environment_keep(&env) == -1 || harden_process(sock) == -1)
		program_fail(EX_OSERR, "hardening: %s", strerror(errno));
	if (word == WORD_STATUS || word == WORD_METRICS)
		return ask(word, argc, argv);
	if (tls_init() == -1)
		program_fail(EX_SOFTWARE, "OpenSSL does not start");
	if (word == WORD_CHECK)
		return stone_check(argc, argv, &env);
	server.forwards = read_all(argc, argv, &env);
	rc = serve(&server, sock);
	forwards_free(server.forwards);
	return rc;
}
