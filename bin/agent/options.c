/* What relayagent's words mean: see options.h. */
#include "agent/options.h"
#include "base/number.h"
#include "mux/mux.h"
#include "warp/warp.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

/* Reads a number of polls and what ends it. Returns where, or NULL. */
static const char *
read_polls(const char *at, unsigned *polls)
{
	const int64_t n = number_take(&at, 1, AGENT_POLLS_MAX);

	if (n == -1)
		return NULL;
	*polls = (unsigned)n;
	return at;
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
	const int64_t n = number_parse(value, 1, MUX_STREAMS_MAX);

	if (n == -1)
		return failure(
		    f, "--max-streams %s: not 1 to %d", value, MUX_STREAMS_MAX);
	conf->max_streams = (uint32_t)n;
	return 0;
}

static int
set_seal(struct agent_conf *conf, const char *value, struct failure *f)
{
	if (seal_mode_parse(&conf->seal.mode, value, f) == 0)
		return 0;
	return failure_prefix(f, "--seal ");
}

static int
set_relays(struct agent_conf *conf, const char *value, struct failure *f)
{
	conf->first = strcmp(value, "first") == 0;
	if (conf->first || strcmp(value, "all") == 0)
		return 0;
	return failure(f, "--relays %s: not all or first", value);
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

static int
set_once(const struct agent_word **slot, const struct agent_word *word,
    struct failure *f)
{
	if (*slot != NULL)
		return failure(f, "%s is given twice", agent_words_name(word));
	*slot = word;
	return 0;
}

/* Of two that bring credentials, the later one counts. */
static int
set_proxy(
    struct agent_options *o, const struct agent_word *word, struct failure *f)
{
	if (strchr(word->value, ',') != NULL)
		o->credentials = NULL;
	return set_once(&o->proxy, word, f);
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
	return relays_add(&conf->relays, &t->addr, f);
}

/*
 * "name=target" is a further target; of the others the last is the target, and
 * those before it are relays.
 */
static int
take_argument(struct agent_conf *conf, const char *word, struct failure *f)
{
	struct target t;

	if (target_parse(&t, word, f) == -1 ||
	    (t.addr.host[0] != '\0' &&
		netaddr_check_port(t.addr.port, f) == -1))
		return -1;
	if (t.service[0] != '\0')
		return add_service(conf, &t, f);
	if (conf->targets[0].text[0] != '\0' &&
	    add_relay(conf, &conf->targets[0], f) == -1)
		return -1;
	conf->targets[0] = t;
	return 0;
}

/* ---- all of them ---- */

static int
take(struct agent_options *o, const struct agent_word *word, struct failure *f)
{
	switch (word->option) {
	case AGENT_ARGUMENT:
		return warp_is_name(word->value)
			   ? set_once(&o->warp, word, f)
			   : take_argument(o->conf, word->value, f);
	case 'n':
		o->conf->forward = 1;
		return 0;
	case AGENT_PROXY_PROTOCOL:
		o->conf->proxy_protocol = 1;
		return 0;
	case AGENT_MAX_STREAMS:
		return set_streams(o->conf, word->value, f);
	case AGENT_UPGRADE:
		return add_upgrade(&o->conf->upgrades, word->value, f);
	case AGENT_SEAL:
		return set_seal(o->conf, word->value, f);
	case AGENT_RELAYS:
		return set_relays(o->conf, word->value, f);
	case AGENT_PEERS:
		return set_once(&o->peers, word, f);
	case 'm':
		return set_polls(o->conf, word->value, f);
	case 'h':
		return set_host(o->conf, word->value, f);
	case AGENT_PASSFILE:
		return set_once(&o->passfile, word, f);
	case 'f':
		return set_once(&o->warp, word, f);
	case 'k':
		return set_once(&o->key, word, f);
	case 'c':
		return set_once(&o->certificate, word, f);
	case 'a':
		return set_once(&o->authorities, word, f);
	case 'x':
		return set_proxy(o, word, f);
	default: /* X */
		o->credentials = word;
		return 0;
	}
}

int
agent_options_read(struct agent_options *o, struct agent_conf *conf,
    const struct agent_words *words, struct failure *f)
{
	*o = (struct agent_options){.conf = conf};
	memset(conf, 0, sizeof(*conf));
	conf->polls = AGENT_POLLS_DEFAULT;
	conf->polls_max = AGENT_POLLS_DEFAULT * AGENT_POLLS_SURGE;
	conf->ntargets = 1;
	conf->max_streams = MUX_STREAMS_DEFAULT;
	for (size_t i = 0; i < words->count; i++)
		if (take(o, &words->list[i], f) == -1)
			return agent_words_locate(&words->list[i], f);
	/* who has one file for all has no head to hand on */
	if (o->warp != NULL && conf->host[0] == '\0' && conf->upgrades.n == 0)
		conf->forward = 1;
	return 0;
}
