/* The words of relayagent's configuration: see options.h. */
#include "agent/options.h"
#include "base/config_lines.h"
#include "mux/mux.h"
#include "tls/pem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- options ---- */

/* Reads a number of polls and what ends it. Returns where, or NULL. */
static const char *
read_polls(const char *at, unsigned *polls)
{
	char *end;
	unsigned long n = strtoul(at, &end, 10);

	if (!isdigit((unsigned char)*at) || n < 1 || n > AGENT_POLLS_MAX)
		return NULL;
	*polls = (unsigned)n;
	return end;
}

/* "N[:MAX]" */
static int
set_polls(struct agent_conf *conf, const char *value, struct failure *f)
{
	const char *end = read_polls(value, &conf->polls);

	conf->polls_max = conf->polls * AGENT_POLLS_SURGE;
	if (conf->polls_max > AGENT_POLLS_MAX)
		conf->polls_max = AGENT_POLLS_MAX;
	if (end != NULL && *end == ':')
		end = read_polls(end + 1, &conf->polls_max);
	if (end != NULL && *end == '\0' && conf->polls_max >= conf->polls)
		return 0;
	return failure(f,
	    "-m %s: not 1 to %d polls, or two such numbers with a colon, the "
	    "larger last",
	    value, AGENT_POLLS_MAX);
}

static int
set_streams(struct agent_conf *conf, const char *value, struct failure *f)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (isdigit((unsigned char)*value) && *end == '\0' && n >= 1 &&
	    n <= MUX_STREAMS_MAX) {
		conf->max_streams = (uint32_t)n;
		return 0;
	}
	return failure(
	    f, "--max-streams %s: not 1 to %d", value, MUX_STREAMS_MAX);
}

/* The name of a protocol, and of its version where one has a slash. */
static int
add_upgrade(struct web_upgrades *u, const char *value, struct failure *f)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "-./_+";
	const size_t len = strspn(value, allowed);

	if (len == 0 || len >= sizeof(*u->names) || value[len] != '\0')
		return failure(f, "--upgrade %s: not a protocol", value);
	if (u->n == WEB_UPGRADES_MAX)
		return failure(f, "more than %d --upgrade", WEB_UPGRADES_MAX);
	memcpy(u->names[u->n++], value, len + 1);
	return 0;
}

static int
set_host(struct agent_conf *conf, const char *value, struct failure *f)
{
	size_t len = strlen(value);
	int good = len > 0 && len < sizeof(conf->host);

	for (size_t i = 0; good && i < len; i++)
		good = isgraph((unsigned char)value[i]) &&
		       strchr("/@\\,", value[i]) == NULL;
	if (!good)
		return failure(f, "-h %s: not a host or host:port", value);
	memcpy(conf->host, value, len + 1);
	return 0;
}

/* -k, -c and -a: reads the file now. */
static int
load(struct agent_conf *conf, int letter, const char *path, struct failure *f)
{
	struct tls_material *tls = &conf->tls;

	if ((letter == 'k' && tls->key != NULL) ||
	    (letter == 'c' && tls->certificate != NULL) ||
	    (letter == 'a' && tls->store != NULL))
		return failure(f, "-%c is given twice", letter);
	if (letter == 'k')
		tls->key = pem_key(path, f);
	else if (letter == 'c')
		tls->certificate = pem_certificate(path, &tls->chain, f);
	else
		tls->store = pem_store(path, NULL, f);
	return (letter == 'k' && tls->key == NULL) ||
		       (letter == 'c' && tls->certificate == NULL) ||
		       (letter == 'a' && tls->store == NULL)
		   ? -1
		   : 0;
}

static int
load_relative(const struct agent_options *w, int letter, const char *name,
    struct failure *f)
{
	char *path = config_lines_relative(w->file, name);
	int rc;

	if (path == NULL)
		return failure(f, "-%c: %s", letter, strerror(errno));
	rc = load(w->conf, letter, path, f);
	free(path);
	return rc;
}

/* Credentials of -X stay where -x brings none; their order is free. */
static int
set_proxy(const struct agent_options *w, const char *value, struct failure *f)
{
	struct proxy *now = &w->conf->proxy, before = *now;

	if (before.addr.host[0] != '\0')
		return failure(f, "-x is given twice");
	if (proxy_from_option(now, value, w->file, f) == -1)
		return -1;
	if (now->credentials[0] == '\0')
		memcpy(now->credentials, before.credentials,
		    sizeof(now->credentials));
	return 0;
}

int
agent_options_take(const struct agent_options *w, int letter, const char *value,
    struct failure *f)
{
	switch (letter) {
	case 'n':
		w->conf->forward = 1;
		return 0;
	case AGENT_PROXY_PROTOCOL:
		w->conf->proxy_protocol = 1;
		return 0;
	case AGENT_UPGRADE:
		return add_upgrade(&w->conf->upgrades, value, f);
	case AGENT_MAX_STREAMS:
		return set_streams(w->conf, value, f);
	case 'm':
		return set_polls(w->conf, value, f);
	case 'h':
		return set_host(w->conf, value, f);
	case 'x':
		return set_proxy(w, value, f);
	case 'X':
		return proxy_credentials(&w->conf->proxy, value, w->file, f);
	default:
		return load_relative(w, letter, value, f);
	}
}

/* ---- arguments ---- */

static int
add_service(struct agent_conf *conf, const struct target *t, struct failure *f)
{
	if (target_find(conf->targets, conf->ntargets, t->service) != NULL)
		return failure(f, "%s is named twice", t->service);
	if (conf->ntargets == TARGETS_MAX)
		return failure(f, "more than %d targets", TARGETS_MAX);
	conf->targets[conf->ntargets++] = *t;
	return 0;
}

/* What was taken for the target turns out to be a relay. */
static int
add_relay(struct agent_conf *conf, const struct target *t, struct failure *f)
{
	if (t->addr.host[0] == '\0')
		return failure(
		    f, "%s can't be a relay; the target comes last", t->text);
	if (conf->nrelays == AGENT_RELAYS_MAX)
		return failure(f, "more than %d relays", AGENT_RELAYS_MAX);
	conf->relays[conf->nrelays++] = t->addr;
	return 0;
}

int
agent_options_take_argument(
    const struct agent_options *w, const char *word, struct failure *f)
{
	struct agent_conf *conf = w->conf;
	struct target t;

	if (target_parse(&t, word, f) == -1)
		return -1;
	if (t.service[0] != '\0')
		return add_service(conf, &t, f);
	if (conf->targets[0].text[0] != '\0' &&
	    add_relay(conf, &conf->targets[0], f) == -1)
		return -1;
	conf->targets[0] = t;
	return 0;
}
