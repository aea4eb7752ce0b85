/* Forwards, ready for use: see forward.h. */
#include "stone/forward.h"
#include "base/config_lines.h"
#include "base/fd.h"
#include "dial/proxy_option.h"
#include "dial/secret.h"
#include "stone/listener.h"
#include "tls/client.h"
#include "tls/pem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files that the configuration names ---- */

/*
 * Where name is: as it stands, as for stone, or else beside the configuration.
 * Returns a path that the caller frees, or NULL with errno.
 */
static char *
find(const char *file, const char *name)
{
	if (file == NULL || access(name, F_OK) == 0)
		return strdup(name);
	return config_lines_relative(file, name);
}

static EVP_PKEY *
read_key(const struct stone_forward *conf, struct failure *f)
{
	char *path = find(conf->file, conf->tls.key), *passfile = NULL;
	char secret[SECRET_MAX];
	EVP_PKEY *key = NULL;

	if (conf->tls.passfile != NULL)
		passfile = find(conf->file, conf->tls.passfile);
	if (path == NULL || (conf->tls.passfile != NULL && passfile == NULL))
		failure(f, "%s", strerror(errno));
	else if (passfile == NULL)
		key = pem_key(path, f);
	else if (secret_read(passfile, secret, f) == 0)
		key = pem_key_encrypted(path, secret, f);
	OPENSSL_cleanse(secret, sizeof(secret));
	free(path);
	free(passfile);
	return key;
}

static X509 *
read_certificate(const struct stone_forward *conf, STACK_OF(X509) * *chain,
    struct failure *f)
{
	char *path = find(conf->file, conf->tls.cert);
	X509 *certificate = NULL;

	if (path == NULL)
		failure(f, "%s", strerror(errno));
	else
		certificate = pem_certificate(path, chain, f);
	free(path);
	return certificate;
}

/* Of CAfile or CApath, or both. */
static X509_STORE *
read_store(const struct stone_forward *conf, struct failure *f)
{
	char *file = NULL, *folder = NULL;
	X509_STORE *store = NULL;

	if (conf->tls.cafile != NULL)
		file = find(conf->file, conf->tls.cafile);
	if (conf->tls.capath != NULL)
		folder = find(conf->file, conf->tls.capath);
	if ((conf->tls.cafile != NULL && file == NULL) ||
	    (conf->tls.capath != NULL && folder == NULL))
		failure(f, "%s", strerror(errno));
	else if (file != NULL)
		store = pem_store(file, NULL, f);
	else if ((store = X509_STORE_new()) == NULL)
		failure(f, "out of memory");
	if (store != NULL && folder != NULL &&
	    (access(folder, R_OK | X_OK) == -1 ||
		X509_STORE_load_path(store, folder) != 1)) {
		failure(f, "%s: %s", folder, strerror(errno));
		X509_STORE_free(store);
		store = NULL;
	}
	free(file);
	free(folder);
	return store;
}

/* ---- one forward ---- */

static int
read_tls(struct tls_material *tls, const struct stone_forward *conf,
    struct failure *f)
{
	tls->key = read_key(conf, f);
	if (tls->key == NULL)
		return -1;
	tls->certificate = read_certificate(conf, &tls->chain, f);
	if (tls->certificate == NULL)
		return -1;
	if (X509_check_private_key(tls->certificate, tls->key) != 1) {
		ERR_clear_error();
		return failure(f, "key=%s is not that of cert=%s",
		    conf->tls.key, conf->tls.cert);
	}
	if (conf->tls.cafile != NULL || conf->tls.capath != NULL) {
		tls->store = read_store(conf, f);
		if (tls->store == NULL)
			return -1;
	}
	return tls_client_complete(tls, f);
}

static int
read_access(struct access_list *list, const struct stone_forward *conf,
    struct failure *f)
{
	const struct stone_listen *listen = &conf->listen;
	const int both = listen->addr.host[0] == '\0' && !listen->v6only;

	for (size_t i = 0; i < conf->nallowed; i++)
		if (access_add(list, conf->allowed[i].text,
			listen->family == AF_INET6 && both ? AF_UNSPEC
							   : listen->family,
			f) == -1)
			return stone_words_locate(
			    f, conf->file, conf->allowed[i].line);
	return 0;
}

static int
read_forward(struct forward *forward, const struct stone_forward *conf,
    struct failure *f)
{
	forward->conf = conf;
	if (read_tls(&forward->tls, conf, f) == -1)
		return stone_words_locate(f, conf->file, conf->line);
	return read_access(&forward->access, conf, f);
}

/* ---- all of them ---- */

static int
read_words(struct forwards *set, int argc, char **argv, struct failure *f)
{
	struct stone_conf *conf = &set->conf;
	size_t ours, theirs;

	if (stone_words_from_argv(&set->command_line, argc, argv, f) == -1 ||
	    stone_conf_options(conf, &set->command_line, &ours, f) == -1)
		return -1;
	if (conf->file != NULL && !conf->help && !conf->version &&
	    (stone_words_from_file(&set->file, conf->file, f) == -1 ||
		stone_conf_options(conf, &set->file, &theirs, f) == -1 ||
		stone_conf_forwards(conf, &set->file, theirs, f) == -1))
		return -1;
	return stone_conf_forwards(conf, &set->command_line, ours, f);
}

/* "host:port", or "host:port,file" */
static int
read_proxy_option(
    struct proxy *proxy, const struct stone_conf *conf, struct failure *f)
{
	const char *comma = strchr(conf->proxy, ',');
	char *place = strdup(conf->proxy), *path = NULL;
	int rc = -1;

	if (comma != NULL)
		path = find(conf->proxy_file, comma + 1);
	if (place == NULL || (comma != NULL && path == NULL)) {
		failure(f, "%s", strerror(errno));
	} else {
		place[strcspn(place, ",")] = '\0';
		rc = proxy_from_option(proxy, place, "", f);
	}
	if (rc == 0 && path != NULL)
		rc = proxy_credentials(proxy, path, "", f);
	free(place);
	free(path);
	return rc;
}

static int
read_proxy(struct forwards *set, const struct proxy_environment *env,
    struct failure *f)
{
	const struct stone_conf *conf = &set->conf;

	if (conf->proxy == NULL)
		return proxy_from_environment(&set->proxy, env, f);
	if (read_proxy_option(&set->proxy, conf, f) == 0)
		return 0;
	failure_prefix(f, "-x ");
	return stone_words_locate(f, conf->proxy_file, conf->proxy_line);
}

struct forwards *
forwards_read(int argc, char **argv, const struct proxy_environment *env,
    struct failure *f)
{
	struct forwards *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return failure_null(f, "%s", strerror(errno));
	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++)
		set->list[i].listener = -1;
	if (read_words(set, argc, argv, f) == -1)
		goto fail;
	if (set->conf.help || set->conf.version)
		return set;
	if (read_proxy(set, env, f) == -1)
		goto fail;
	for (size_t i = 0; i < set->conf.nforwards; i++)
		if (read_forward(&set->list[i], &set->conf.forwards[i], f) ==
		    -1)
			goto fail;
	return set;
fail:
	forwards_free(set);
	return NULL;
}

/* ---- listeners ---- */

static struct forward *
at_same_place(struct forwards *set, const struct stone_listen *where)
{
	for (size_t i = 0; set != NULL && i < set->conf.nforwards; i++)
		if (stone_endpoint_same(&set->list[i].conf->listen, where))
			return &set->list[i];
	return NULL;
}

int
forwards_listen(struct forwards *set, struct forwards *old, struct failure *f)
{
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		struct forward *forward = &set->list[i];

		if (at_same_place(old, &forward->conf->listen) != NULL)
			continue;
		forward->listener = listener_open(&forward->conf->listen, f);
		if (forward->listener == -1)
			return stone_words_locate(
			    f, forward->conf->file, forward->conf->line);
	}
	/* nothing can fail any more */
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		struct forward *forward = &set->list[i];
		struct forward *same = at_same_place(
		    old, &forward->conf->listen);

		if (forward->listener == -1 && same != NULL) {
			forward->listener = same->listener;
			same->listener = -1;
		}
	}
	return 0;
}

void
forwards_close(struct forwards *set)
{
	for (size_t i = 0; i < set->conf.nforwards; i++)
		fd_close(&set->list[i].listener);
}

void
forwards_unlink(const struct forwards *set)
{
	for (size_t i = 0; i < set->conf.nforwards; i++) {
		const struct forward *f = &set->list[i];

		if (f->listener != -1 && f->conf->listen.path != NULL)
			unlink(f->conf->listen.path);
	}
}

void
forwards_free(struct forwards *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++) {
		fd_close(&set->list[i].listener);
		tls_material_free(&set->list[i].tls);
	}
	OPENSSL_cleanse(&set->proxy, sizeof(set->proxy));
	stone_words_free(&set->file);
	stone_words_free(&set->command_line);
	free(set);
}
