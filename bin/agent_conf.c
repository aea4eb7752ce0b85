/* relayagent's configuration: see agent_conf.h. */
#include "agent_conf.h"
#include "lines.h"
#include "pem.h"
#include "program.h"
#include "tls_client.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME    "relayagent"
#define LETTERS "nk:c:a:m:C:DdtV"

struct reader {
	struct agent_conf *conf;
	const char *file; /* "": the command line */
};

static void
usage(void)
{
	fprintf(stderr,
	    "usage: " NAME " [-DdtV] -C file\n"
	    "       " NAME " [-DdntV] [-a ca] [-m polls] -c cert -k key "
	    "relay:port target:port\n");
	exit(EX_USAGE);
}

static int
set_polls(struct agent_conf *conf, const char *value, char *err, size_t errsize)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)*value) || *end != '\0' || n < 1 ||
	    n > AGENT_POLLS_MAX) {
		snprintf(err, errsize, "-m %s: not 1 to %d polls", value,
		    AGENT_POLLS_MAX);
		return -1;
	}
	conf->polls = (unsigned)n;
	return 0;
}

/* -k, -c and -a: reads the file now. */
static int
load(struct agent_conf *conf, int letter, const char *path, char *err,
    size_t errsize)
{
	struct tls_material *tls = &conf->tls;

	if ((letter == 'k' && tls->key != NULL) ||
	    (letter == 'c' && tls->certificate != NULL) ||
	    (letter == 'a' && tls->store != NULL)) {
		snprintf(err, errsize, "-%c is given twice", letter);
		return -1;
	}
	if (letter == 'k')
		tls->key = pem_key(path, err, errsize);
	else if (letter == 'c')
		tls->certificate = pem_certificate(
		    path, &tls->chain, err, errsize);
	else
		tls->store = pem_store(path, NULL, err, errsize);
	return (letter == 'k' && tls->key == NULL) ||
		       (letter == 'c' && tls->certificate == NULL) ||
		       (letter == 'a' && tls->store == NULL)
		   ? -1
		   : 0;
}

static int
set_option(const struct reader *r, int letter, const char *value, char *err,
    size_t errsize)
{
	char *path;
	int rc;

	switch (letter) {
	case 'n':
		r->conf->forward = 1;
		return 0;
	case 'm':
		return set_polls(r->conf, value, err, errsize);
	}
	path = lines_relative(r->file, value);
	if (path == NULL) {
		snprintf(err, errsize, "-%c: %s", letter, strerror(errno));
		return -1;
	}
	rc = load(r->conf, letter, path, err, errsize);
	free(path);
	return rc;
}

static int
set_argument(
    struct agent_conf *conf, const char *word, char *err, size_t errsize)
{
	struct netaddr *const places[] = {&conf->relay, &conf->target};

	if (conf->narguments == 2) {
		snprintf(err, errsize,
		    "%s: the relay and the target are named "
		    "already",
		    word);
		return -1;
	}
	if (netaddr_parse(places[conf->narguments], word, err, errsize) == -1)
		return -1;
	conf->narguments++;
	return 0;
}

/* "-k private.pem", "-n", or an argument */
static int
read_line(void *arg, char *line, char *err, size_t errsize)
{
	const struct reader *r = arg;
	char *value = line + 2;
	int takes_value;

	if (line[0] != '-')
		return set_argument(r->conf, line, err, errsize);
	if (line[1] == '\0' || strchr("nkcam", line[1]) == NULL) {
		snprintf(
		    err, errsize, "unknown option %s (see " NAME "(1))", line);
		return -1;
	}
	while (isspace((unsigned char)*value))
		value++;
	takes_value = line[1] != 'n';
	if (takes_value != (*value != '\0')) {
		snprintf(err, errsize,
		    takes_value ? "-%c has no value" : "-%c takes no value",
		    line[1]);
		return -1;
	}
	return set_option(r, line[1], value, err, errsize);
}

static int
read_command_line(struct agent_conf *conf, struct agent_run *run, int argc,
    char **argv, char *err, size_t errsize)
{
	const struct reader r = {conf, ""};
	int c;

	while ((c = getopt(argc, argv, LETTERS)) != -1)
		switch (c) {
		case 'C':
			run->file = optarg;
			break;
		case 'D':
			run->daemon = 1;
			break;
		case 'd':
			run->debug = 1;
			break;
		case 't':
			run->test = 1;
			break;
		case 'V':
			printf(NAME " %s\n", VERSION);
			exit(EX_OK);
		case '?':
			usage();
			break;
		default:
			if (set_option(&r, c, optarg, err, errsize) == -1)
				return -1;
		}
	for (; optind < argc; optind++)
		if (set_argument(conf, argv[optind], err, errsize) == -1)
			return -1;
	return 0;
}

/* What is missing once everything is read. */
static int
check(struct agent_conf *conf, const char *where, char *err, size_t errsize)
{
	char why[256];

	if (conf->tls.key == NULL)
		snprintf(err, errsize, "%s: no key (-k)", where);
	else if (conf->tls.certificate == NULL)
		snprintf(err, errsize, "%s: no certificate (-c)", where);
	else if (conf->narguments == 0)
		snprintf(err, errsize, "%s: no relay:port", where);
	else if (conf->narguments == 1)
		snprintf(err, errsize, "%s: no target:port", where);
	else if (tls_client_complete(&conf->tls, why, sizeof(why)) == -1)
		snprintf(err, errsize, "%s: %s", where, why);
	else
		return 0;
	return -1;
}

int
agent_conf_read(struct agent_conf *conf, struct agent_run *run, int argc,
    char **argv, char *err, size_t errsize)
{
	struct reader r = {.conf = conf};

	memset(conf, 0, sizeof(*conf));
	memset(run, 0, sizeof(*run));
	conf->polls = AGENT_POLLS_DEFAULT;
	if (read_command_line(conf, run, argc, argv, err, errsize) == -1)
		goto fail;
	if (run->file == NULL && conf->narguments == 0)
		usage();
	r.file = run->file;
	if (r.file != NULL &&
	    lines_read(r.file, read_line, &r, err, errsize) == -1)
		goto fail;
	if (check(conf, r.file != NULL ? r.file : "command line", err,
		errsize) == 0)
		return 0;
fail:
	agent_conf_free(conf);
	return -1;
}

void
agent_conf_free(struct agent_conf *conf)
{
	tls_material_free(&conf->tls);
	memset(conf, 0, sizeof(*conf));
}
