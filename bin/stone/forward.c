/* Forwards, ready for use: see forward.h. */
#include "stone/forward.h"
#include "base/fd.h"
#include "stone/material.h"
#include "stone/proxy.h"
#include "tls/validity.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* ---- one forward ---- */

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
read_forward(struct forward *forward, struct watched *watched,
    struct stone_forward *conf, int test, const char **part, struct failure *f)
{
	forward->conf = conf;
	if (stone_material_read(&forward->tls, &conf->relays, watched,
		&conf->tls, part, f) == -1 ||
	    stone_material_seal(
		&forward->seal, &forward->tls, watched, &conf->tls, f) == -1)
		return -1;
	*part = "configuration";
	forward->relay = &conf->relays.list[0];
	forward->expiry = (struct expiry){
	    .from = validity_start(forward->tls.certificate),
	    .at = validity_end(forward->tls.certificate),
	};
	/* the clock may be wrong, and set later: so for -t alone */
	if (test && stone_material_check(&forward->tls, &conf->tls, f) == -1)
		return -1;
	return read_access(&forward->access, conf, f);
}

/* ---- all of them ---- */

/* What is asked for needs no forward. */
static int
nothing_to_forward(const struct stone_conf *conf)
{
	return conf->help || conf->version || conf->wanted != NULL;
}

static int
read_words(struct forwards *set, int argc, char **argv, struct failure *f)
{
	struct stone_conf *conf = &set->conf;
	size_t ours, theirs;

	if (stone_words_from_argv(&set->command_line, argc, argv, f) == -1 ||
	    stone_conf_options(conf, &set->command_line, &ours, f) == -1)
		return -1;
	if (conf->file != NULL && !nothing_to_forward(conf) &&
	    (stone_words_from_file(&set->file, conf->file, f) == -1 ||
		stone_conf_options(conf, &set->file, &theirs, f) == -1 ||
		stone_conf_forwards(conf, &set->file, theirs, f) == -1))
		return -1;
	return stone_conf_forwards(conf, &set->command_line, ours, f);
}

struct forwards *
forwards_read(int argc, char **argv, const struct proxy_environment *env,
    const char **part, struct failure *f)
{
	struct forwards *set = calloc(1, sizeof(*set));

	*part = "configuration";
	if (set == NULL)
		return failure_null(f, "%s", strerror(errno));
	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++)
		set->list[i].listener = -1;
	if (read_words(set, argc, argv, f) == -1)
		goto fail;
	if (nothing_to_forward(&set->conf))
		return set;
	if (stone_proxy_read(&set->proxy, &set->conf, env, f) == -1)
		goto fail;
	for (size_t i = 0; i < set->conf.nforwards; i++)
		if (read_forward(&set->list[i], &set->watched,
			&set->conf.forwards[i],
			set->conf.test || set->conf.install, part, f) == -1)
			goto fail;
	return set;
fail:
	forwards_free(set);
	return NULL;
}

void
forwards_free(struct forwards *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < STONE_FORWARDS_MAX; i++) {
		fd_close(&set->list[i].listener);
		tls_material_free(&set->list[i].tls);
		seal_free(&set->list[i].seal);
	}
	watched_free(&set->watched);
	OPENSSL_cleanse(&set->proxy, sizeof(set->proxy));
	stone_words_free(&set->file);
	stone_words_free(&set->command_line);
	free(set);
}
