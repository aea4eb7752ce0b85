/* relayagent's configuration: see conf.h. */
#include "agent/conf.h"
#include "agent/options.h"
#include "base/config_lines.h"
#include "base/program.h"
#include "mux/mux.h"
#include "tls/client.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME           "relayagent"
#define LETTERS        "nk:c:a:m:h:x:X:C:DdtV"
#define PROXY_PROTOCOL "proxy-protocol"
#define MAX_STREAMS    "max-streams"
#define UPGRADE        "upgrade"

static void
usage(void)
{
	fprintf(stderr,
	    "usage: " NAME " [-DdtV] -C file\n"
	    "       " NAME " [-DdntV] [options] -c cert -k key relay:port ... "
	    "target:port\n"
	    "options: [-a ca] [-h host] [-m polls[:max]] [-X file] "
	    "[-x proxy:port]\n"
	    "         [--" MAX_STREAMS " n] [--" PROXY_PROTOCOL "] [--" UPGRADE
	    " protocol]\n"
	    "         [name=target:port ...]\n");
	exit(EX_USAGE);
}

/* The value of "--name value"; NULL: line is another's. */
static char *
long_value(char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, "--", 2) == 0 &&
		       strncmp(line + 2, name, len) == 0 && line[2 + len] == ' '
		   ? line + 2 + len + 1
		   : NULL;
}

/* "-k private.pem", "-n", or an argument */
static int
read_line(void *arg, char *line, struct failure *f)
{
	const struct agent_options *w = arg;
	char *value = line + 2, *word;
	int takes_value;

	if (line[0] != '-')
		return agent_options_take_argument(w, line, f);
	if (strcmp(line, "--" PROXY_PROTOCOL) == 0)
		return agent_options_take(w, AGENT_PROXY_PROTOCOL, "", f);
	if ((word = long_value(line, MAX_STREAMS)) != NULL)
		return agent_options_take(w, AGENT_MAX_STREAMS, word, f);
	if ((word = long_value(line, UPGRADE)) != NULL)
		return agent_options_take(w, AGENT_UPGRADE, word, f);
	if (line[1] == '\0' || strchr(AGENT_LETTERS, line[1]) == NULL)
		return failure(f, "unknown option %s (see " NAME "(1))", line);
	while (isspace((unsigned char)*value))
		value++;
	takes_value = line[1] != 'n';
	if (takes_value != (*value != '\0'))
		return failure(f,
		    takes_value ? "-%c has no value" : "-%c takes no value",
		    line[1]);
	return agent_options_take(w, line[1], value, f);
}

/* Returns 1 for an option that only the command line has. */
static int
set_run(struct agent_run *run, int c)
{
	switch (c) {
	case 'C':
		run->file = optarg;
		return 1;
	case 'D':
		return run->daemon = 1;
	case 'd':
		return run->debug = 1;
	case 't':
		return run->test = 1;
	case 'V':
		printf(NAME " %s\n", VERSION);
		exit(EX_OK);
	case '?':
		usage();
	}
	return 0;
}

static int
read_command_line(const struct agent_options *w, struct agent_run *run,
    int argc, char **argv, struct failure *f)
{
	static const struct option options[] = {
	    {PROXY_PROTOCOL, no_argument, NULL, AGENT_PROXY_PROTOCOL},
	    {MAX_STREAMS, required_argument, NULL, AGENT_MAX_STREAMS},
	    {UPGRADE, required_argument, NULL, AGENT_UPGRADE},
	    {NULL, 0, NULL, 0},
	};
	int c;

	optind = 0; /* it may be read again */
	while ((c = getopt_long(argc, argv, LETTERS, options, NULL)) != -1)
		if (!set_run(run, c) &&
		    agent_options_take(w, c, optarg, f) == -1)
			return -1;
	for (; optind < argc; optind++)
		if (agent_options_take_argument(w, argv[optind], f) == -1)
			return -1;
	return 0;
}

/* What is missing once everything is read. */
static int
check(struct agent_conf *conf, const char *where, struct failure *f)
{
	if (conf->tls.key == NULL)
		return failure(f, "%s: no key (-k)", where);
	if (conf->tls.certificate == NULL)
		return failure(f, "%s: no certificate (-c)", where);
	if (conf->targets[0].text[0] == '\0')
		return failure(f, "%s: no relay:port", where);
	if (conf->nrelays == 0)
		return failure(f, "%s: no target:port", where);
	if (conf->forward && conf->host[0] != '\0')
		return failure(f,
		    "%s: -h is for the way to a web server, not for -n", where);
	if (conf->forward && conf->upgrades.n > 0)
		return failure(f,
		    "%s: --" UPGRADE " is for the way to a web server, not for "
		    "-n",
		    where);
	if (tls_client_complete(&conf->tls, f) == -1)
		return failure_prefix(f, "%s: ", where);
	return 0;
}

/* The environment's proxy, where no option names one; -X holds for both. */
static int
complete_proxy(struct agent_conf *conf, const struct proxy_environment *env,
    struct failure *f)
{
	struct proxy option = conf->proxy;

	if (option.addr.host[0] != '\0')
		return 0;
	if (proxy_from_environment(&conf->proxy, env, f) == -1)
		return -1;
	if (option.credentials[0] != '\0')
		memcpy(conf->proxy.credentials, option.credentials,
		    sizeof(option.credentials));
	return 0;
}

int
agent_source_keep(struct agent_source *source, int argc, char **argv)
{
	source->argc = argc;
	source->argv = argv;
	source->base = "";
	if (getcwd(source->folder, sizeof(source->folder) - 1) == NULL)
		return -1;
	source->folder[strlen(source->folder)] = '/'; /* zeros follow */
	return proxy_environment_keep(&source->env);
}

int
agent_conf_read(struct agent_conf *conf, struct agent_run *run,
    const struct agent_source *source, struct failure *f)
{
	struct agent_options w = {conf, source->base};
	char *file = NULL;

	memset(conf, 0, sizeof(*conf));
	memset(run, 0, sizeof(*run));
	conf->polls = AGENT_POLLS_DEFAULT;
	conf->polls_max = AGENT_POLLS_DEFAULT * AGENT_POLLS_SURGE;
	conf->ntargets = 1;
	conf->max_streams = MUX_STREAMS_DEFAULT;
	if (read_command_line(&w, run, source->argc, source->argv, f) == -1)
		goto fail;
	if (run->file == NULL && conf->targets[0].text[0] == '\0')
		usage();
	if (run->file != NULL) {
		w.file = file = config_lines_relative(source->base, run->file);
		if (file == NULL) {
			failure(f, "-C: %s", strerror(errno));
			goto fail;
		}
		if (config_lines_read(file, read_line, &w, f) == -1)
			goto fail;
	}
	if (check(conf, file != NULL ? file : "command line", f) == 0 &&
	    complete_proxy(conf, &source->env, f) == 0) {
		free(file);
		return 0;
	}
fail:
	free(file);
	agent_conf_free(conf);
	return -1;
}

void
agent_conf_free(struct agent_conf *conf)
{
	tls_material_free(&conf->tls);
	OPENSSL_cleanse(conf, sizeof(*conf));
}
