/* relay.conf(5): see relay_conf.h. */
#include "config/relay_conf.h"
#include "base/config_lines.h"
#include "config/relay_conf_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct relay_conf *conf;
	unsigned line;
};

static int
read_line(void *arg, char *line, struct failure *f)
{
	const struct reader *r = arg;
	char *key, *value;

	if (config_lines_key_value(line, &key, &value, f) == -1)
		return -1;
	return relay_conf_key(r->conf, r->line, key, value, f);
}

static int
default_string(char **field, const char *value)
{
	if (*field == NULL)
		*field = strdup(value);
	return *field == NULL ? -1 : 0;
}

/* Who has a line of other relays needs all that these are known by. */
static int
check_peers(const struct relay_conf *c, const char *path, struct failure *f)
{
	const int any = c->npeers > 0 || c->peer_listen.host[0] != '\0' ||
			c->peer_certificate != NULL || c->peer_key != NULL ||
			c->peer_ca != NULL || c->peer_crl != NULL ||
			c->peer_admin != PEER_ADMIN_UNSET ||
			c->peer_admin_certificate != NULL ||
			c->peer_admin_key != NULL;

	if (!any)
		return 0;
	if (c->npeers == 0 && c->peer_listen.host[0] == '\0')
		return failure(f, "%s: no peer line, and no peer_listen", path);
	if (c->peer_certificate == NULL || c->peer_key == NULL ||
	    c->peer_ca == NULL)
		return failure(f, "%s: no %s line", path,
		    c->peer_certificate == NULL ? "peer_certificate"
		    : c->peer_key == NULL       ? "peer_key"
						: "peer_ca");
	if ((c->peer_admin_certificate == NULL) != (c->peer_admin_key == NULL))
		return failure(f, "%s: no %s line", path,
		    c->peer_admin_key == NULL ? "peer_admin_key"
					      : "peer_admin_certificate");
	return 0;
}

/* The store's lines go together, and with those of other relays. */
static int
check_stores(const struct relay_conf *c, const char *path, struct failure *f)
{
	if (c->nstores == 0 &&
	    (c->presence_secret != NULL || c->presence_ca != NULL ||
		c->presence_password != NULL || c->presence_user != NULL))
		return failure(f, "%s: no presence line", path);
	if (c->nstores > 0 && c->presence_secret == NULL)
		return failure(f, "%s: no presence_secret line", path);
	if (c->nstores > 0 && c->peer_certificate == NULL)
		return failure(f, "%s: no peer line, and no peer_listen", path);
	if (c->presence_user != NULL && c->presence_password == NULL)
		return failure(f, "%s: no presence_password line", path);
	return 0;
}

/* A token is relay-keyd's alone: each handler would have to log in to it. */
static int
check_key(const struct relay_conf *c, const char *path, struct failure *f)
{
	if (c->key_on_token && c->keyd == NULL)
		return failure(f,
		    "%s: a key on a token needs a keyd line: see relay-keyd(8)",
		    path);
	if (c->token_folder != NULL && !c->key_on_token)
		return failure(
		    f, "%s: token_folder needs a key on a token", path);
	return 0;
}

static int
set_defaults(struct relay_conf *c, const char *path, struct failure *f)
{
	const struct {
		const char *key;
		const char *value;
	} required[] = {
	    {"certificate", c->certificate},
	    {"key", c->key},
	    {"ca", c->ca},
	};

	for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++)
		if (required[i].value == NULL)
			return failure(
			    f, "%s: no %s line", path, required[i].key);
	if (check_key(c, path, f) == -1 || check_peers(c, path, f) == -1 ||
	    check_stores(c, path, f) == -1)
		return -1;
	if (default_string(&c->socket, "/run/vpn-warp/broker.sock") == -1 ||
	    default_string(&c->user, "vpn-warp") == -1 ||
	    default_string(&c->handler_user, "vpn-warp-handler") == -1 ||
	    default_string(&c->keyd_user, "vpn-warp-keyd") == -1 ||
	    default_string(&c->group, "") == -1)
		return failure(f, "%s: %s", path, strerror(errno));
	if (c->crl_expired == CRL_EXPIRED_UNSET)
		c->crl_expired = CRL_EXPIRED_REFUSE;
	if (c->bare == BARE_UNSET)
		c->bare = BARE_YES;
	if (c->tls_min == 0)
		c->tls_min = 13;
	if (c->proof != PROOF_UNSET && c->keyd == NULL)
		return failure(f, "%s: proof needs a keyd line", path);
	if (c->proof == PROOF_UNSET && c->tls_min == 12)
		c->proof = PROOF_WARN;
	if (c->proof == PROOF_UNSET)
		c->proof = PROOF_REQUIRE;
	if (c->tls_timeout == 0)
		c->tls_timeout = 10;
	if (c->head_timeout == 0)
		c->head_timeout = 10;
	if (c->match_timeout == 0)
		c->match_timeout = 10;
	if (!c->has_park_after)
		c->park_after = 60;
	if (c->max_unregistered == 0)
		c->max_unregistered = 4096;
	if (c->max_unregistered_from == 0)
		c->max_unregistered_from = 2048;
	if (c->handler_uses == 0)
		c->handler_uses = 1;
	/* who is to serve another must not have what that one trusts in */
	if (c->handler_uses > 1 && c->keyd == NULL)
		return failure(f,
		    "%s:%u: handler_uses is more than 1, which needs a keyd "
		    "line: see relay-keyd(8)",
		    path, c->handler_uses_line);
	return 0;
}

int
relay_conf_read(struct relay_conf *conf, const char *path, struct failure *f)
{
	struct reader r = {conf, 0};

	memset(conf, 0, sizeof(*conf));
	conf->path = strdup(path);
	if (conf->path == NULL)
		return failure(f, "%s: %s", path, strerror(errno));
	if (config_lines_read_numbered(path, read_line, &r, &r.line, f) == -1 ||
	    set_defaults(conf, path, f) == -1) {
		relay_conf_free(conf);
		return -1;
	}
	return 0;
}

void
relay_conf_free(struct relay_conf *conf)
{
	free(conf->path);
	free(conf->certificate);
	free(conf->key);
	free(conf->token_folder);
	free(conf->ca);
	free(conf->crl);
	free(conf->socket);
	free(conf->handoff);
	free(conf->keyd);
	free(conf->keyd_user);
	free(conf->user);
	free(conf->handler_user);
	free(conf->group);
	free(conf->customers);
	free(conf->admin_group);
	free(conf->peer_certificate);
	free(conf->peer_key);
	free(conf->peer_ca);
	free(conf->peer_crl);
	free(conf->peer_admin_certificate);
	free(conf->peer_admin_key);
	free(conf->presence_secret);
	free(conf->presence_ca);
	free(conf->presence_password);
	free(conf->presence_user);
	memset(conf, 0, sizeof(*conf));
}
