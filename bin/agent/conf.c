/* relayagent's configuration: see conf.h. */
#include "agent/conf.h"
#include "agent/options.h"
#include "base/config_lines.h"
#include "dial/proxy_option.h"
#include "dial/secret.h"
#include "tls/client.h"
#include "tls/pem.h"
#include "tls/validity.h"
#include "warp/warp.h"

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
		failure(f, "%s: %s", agent_words_name(word), strerror(errno));
	return path;
}

/* The key, with the passphrase or NULL. */
static int
load_key(struct agent_conf *conf, const char *path, const char *passphrase,
    struct failure *f)
{
	conf->tls.key = pem_key_encrypted(path, passphrase, f);
	return conf->tls.key == NULL ? -1 : 0;
}

static int
load_certificate(struct agent_conf *conf, const char *path,
    const char *passphrase, struct failure *f)
{
	(void)passphrase;
	conf->tls.certificate = pem_certificate(path, &conf->tls.chain, f);
	return conf->tls.certificate == NULL ? -1 : 0;
}

static int
load_authorities(struct agent_conf *conf, const char *path,
    const char *passphrase, struct failure *f)
{
	(void)passphrase;
	conf->tls.store = pem_store(path, NULL, f);
	return conf->tls.store == NULL ? -1 : 0;
}

/* What the others have not named, and the relays. */
static int
load_warp(struct agent_conf *conf, const char *path, const char *passphrase,
    struct failure *f)
{
	return warp_read(&conf->tls, &conf->relays, path, passphrase, f);
}

/* Has the file at path watched, and the key that may lie beside it. */
static int
watch(struct agent_conf *conf, const char *folder,
    const struct agent_word *word, const char *path, struct failure *f)
{
	char *key = NULL;
	int rc = watched_add(&conf->watched, folder, path);

	if (rc == 0 &&
	    (word->option == 'f' || word->option == AGENT_ARGUMENT)) {
		key = warp_key_path(path);
		rc = key == NULL ? -1
				 : watched_add(&conf->watched, folder, key);
		free(key);
	}
	return rc == 0 ? 0 : failure(f, "%s: %s", path, strerror(errno));
}

static int
load(struct agent_conf *conf, const char *folder, const struct agent_word *word,
    const char *passphrase,
    int (*from)(struct agent_conf *, const char *path, const char *passphrase,
	struct failure *),
    struct failure *f)
{
	char *path;
	int rc;

	if (word == NULL)
		return 0;
	path = path_of(word, f);
	rc = path == NULL || watch(conf, folder, word, path, f) == -1
		 ? -1
		 : from(conf, path, passphrase, f);
	free(path);
	return rc == -1 ? agent_words_locate(word, f) : 0;
}

static int
load_secret(const struct agent_word *word, char secret[static SECRET_MAX],
    struct failure *f)
{
	char *path = path_of(word, f);
	int rc = path == NULL ? -1 : secret_read(path, secret, f);

	free(path);
	return rc == -1 ? agent_words_locate(word, f) : 0;
}

/* The file that stands for all comes last: what others name counts more. */
static int
load_tls(struct agent_conf *conf, const char *folder,
    const struct agent_options *o, const char **part, struct failure *f)
{
	char secret[SECRET_MAX];
	const char *passphrase = o->passfile != NULL ? secret : NULL;
	int rc = -1;

	if (o->passfile != NULL && load_secret(o->passfile, secret, f) == -1)
		return -1;
	*part = "key";
	rc = load(conf, folder, o->key, passphrase, load_key, f);
	*part = rc == 0 ? "certificate" : *part;
	if (rc == 0)
		rc = load(
		    conf, folder, o->certificate, NULL, load_certificate, f);
	if (rc == 0)
		rc = load(
		    conf, folder, o->authorities, NULL, load_authorities, f);
	if (rc == 0)
		rc = load(conf, folder, o->warp, passphrase, load_warp, f);
	*part = rc == 0 ? "configuration" : *part;
	OPENSSL_cleanse(secret, sizeof(secret));
	return rc;
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

/* What sealing needs, of the same key and certificate. */
static int
load_peers(struct agent_conf *conf, const char *path, const char *passphrase,
    struct failure *f)
{
	(void)passphrase;
	return seal_init(&conf->seal, SEAL_AGENT, &conf->tls, path, f);
}

static int
load_seal(struct agent_conf *conf, const char *folder,
    const struct agent_options *o, struct failure *f)
{
	return o->peers != NULL
		   ? load(conf, folder, o->peers, NULL, load_peers, f)
		   : load_peers(conf, NULL, NULL, f);
}

/* ---- all ---- */

/* -t: what a relay would not accept. The clock may be wrong, so no more. */
static int
check_dates(const struct agent_conf *conf, const struct agent_options *o,
    struct failure *f)
{
	if (o->certificate == NULL)
		return warp_check_dates(&conf->tls, o->warp->value, f) == 0
			   ? 0
			   : agent_words_locate(o->warp, f);
	if (validity_check(conf->tls.certificate, f) == 0)
		return 0;
	failure_prefix(f, "%s: ", o->certificate->value);
	return agent_words_locate(o->certificate, f);
}

/* What is missing, or contradicts itself. */
static int
check(struct agent_conf *conf, const char *where, const char **part,
    struct failure *f)
{
	if (conf->tls.key == NULL)
		return failure(f, "%s: no key (-k, or -f)", where);
	if (conf->tls.certificate == NULL)
		return failure(f, "%s: no certificate (-c, or -f)", where);
	if (conf->targets[0].text[0] == '\0')
		return failure(f, "%s: no %s:port", where,
		    conf->relays.n == 0 ? "relay" : "target");
	if (conf->relays.n == 0)
		return failure(f, "%s: no target:port", where);
	if (conf->forward && conf->host[0] != '\0')
		return failure(f,
		    "%s: -h is for the way to a web server, not for -n", where);
	if (conf->forward && conf->upgrades.n > 0)
		return failure(f,
		    "%s: --upgrade is for the way to a web server, not for -n",
		    where);
	*part = "key";
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
	    load_tls(conf, source->folder, &o, &run->part, f) == 0 &&
	    load_proxy(&conf->proxy, &o, &source->env, f) == 0)
		rc = check(conf,
		    words.file != NULL ? words.file : "command line",
		    &run->part, f);
	if (rc == 0) {
		run->part = "certificate";
		rc = load_seal(conf, source->folder, &o, f);
	}
	if (rc == 0 && (run->test || run->install))
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
	watched_free(&conf->watched);
	OPENSSL_cleanse(conf, sizeof(*conf));
}
