/* relayagent's configuration: see conf.h. */
#include "agent/conf.h"
#include "agent/options.h"
#include "base/config_lines.h"
#include "dial/proxy_option.h"
#include "tls/client.h"
#include "tls/pem.h"
#include "tls/validity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what the words name ---- */

/* The path that word has. The caller frees it; NULL with a reason in f. */
static char *
path_of(const struct agent_word *word, struct failure *f)
{
	char *path = config_lines_relative(word->file, word->value);

	if (path == NULL)
		failure(f, "-%c: %s", word->option, strerror(errno));
	return path;
}

static int
load_key(struct tls_material *tls, const char *path, struct failure *f)
{
	tls->key = pem_key(path, f);
	return tls->key == NULL ? -1 : 0;
}

static int
load_certificate(struct tls_material *tls, const char *path, struct failure *f)
{
	tls->certificate = pem_certificate(path, &tls->chain, f);
	return tls->certificate == NULL ? -1 : 0;
}

static int
load_authorities(struct tls_material *tls, const char *path, struct failure *f)
{
	tls->store = pem_store(path, NULL, f);
	return tls->store == NULL ? -1 : 0;
}

static int
load(struct tls_material *tls, const struct agent_word *word,
    int (*from)(struct tls_material *, const char *path, struct failure *),
    struct failure *f)
{
	char *path;
	int rc;

	if (word == NULL)
		return 0;
	path = path_of(word, f);
	rc = path == NULL ? -1 : from(tls, path, f);
	free(path);
	return rc == -1 ? agent_words_locate(word, f) : 0;
}

/* -x, or else the environment's; -X holds for both. */
static int
load_proxy(struct proxy *proxy, const struct agent_options *o,
    const struct proxy_environment *env, struct failure *f)
{
	const struct agent_word *x = o->proxy, *more = o->credentials;

	if (x == NULL) {
		if (proxy_from_environment(proxy, env, f) == -1)
			return -1;
	} else if (proxy_from_option(proxy, x->value, x->file, f) == -1)
		return agent_words_locate(x, f);
	if (more != NULL &&
	    proxy_credentials(proxy, more->value, more->file, f) == -1)
		return agent_words_locate(more, f);
	return 0;
}

static int
load_all(struct agent_conf *conf, const struct agent_options *o,
    const struct proxy_environment *env, struct failure *f)
{
	struct tls_material *tls = &conf->tls;

	if (load(tls, o->key, load_key, f) == -1 ||
	    load(tls, o->certificate, load_certificate, f) == -1 ||
	    load(tls, o->authorities, load_authorities, f) == -1)
		return -1;
	return load_proxy(&conf->proxy, o, env, f);
}

/* What sealing needs, of the same key and certificate. */
static int
load_seal(
    struct agent_conf *conf, const struct agent_options *o, struct failure *f)
{
	char *peers = NULL;
	int rc;

	if (o->peers != NULL && (peers = path_of(o->peers, f)) == NULL)
		return -1;
	rc = seal_init(&conf->seal, SEAL_AGENT, &conf->tls, peers, f);
	free(peers);
	return rc == -1 && o->peers != NULL ? agent_words_locate(o->peers, f)
					    : rc;
}

/* ---- all ---- */

/* -t: what a relay would not accept. The clock may be wrong, so no more. */
static int
check_dates(const struct agent_conf *conf, const struct agent_options *o,
    struct failure *f)
{
	if (o->certificate == NULL ||
	    validity_check(conf->tls.certificate, f) == 0)
		return 0;
	failure_prefix(f, "%s: ", o->certificate->value);
	return agent_words_locate(o->certificate, f);
}

/* What is missing, or contradicts itself. */
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
		    "%s: --upgrade is for the way to a web server, not for -n",
		    where);
	if (tls_client_complete(&conf->tls, f) == -1)
		return failure_prefix(f, "%s: ", where);
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
	struct agent_words words;
	struct agent_options o;
	int rc = -1;

	memset(conf, 0, sizeof(*conf));
	if (agent_words_read(&words, run, source->argc, source->argv,
		source->base, f) == 0 &&
	    agent_options_read(&o, conf, &words, f) == 0 &&
	    load_all(conf, &o, &source->env, f) == 0)
		rc = check(
		    conf, words.file != NULL ? words.file : "command line", f);
	if (rc == 0)
		rc = load_seal(conf, &o, f);
	if (rc == 0 && run->test)
		rc = check_dates(conf, &o, f);
	agent_words_free(&words);
	if (rc == -1)
		agent_conf_free(conf);
	return rc;
}

void
agent_conf_free(struct agent_conf *conf)
{
	tls_material_free(&conf->tls);
	seal_free(&conf->seal);
	OPENSSL_cleanse(conf, sizeof(*conf));
}
