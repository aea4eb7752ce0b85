/* The keys of relay.conf(5): see relay_conf_keys.h. */
#include "config/relay_conf_keys.h"
#include "base/config_lines.h"
#include "base/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX 3600   /* seconds; more is a mistake of units */
#define COUNT_MAX   999999 /* connections; no host has more processes */
#define USES_MAX    10000  /* beyond some hundreds nothing is saved */

static int
set_string(char **field, const char *key, char *value, struct failure *f)
{
	if (*field != NULL) {
		failure(f, "%s is given twice", key);
		free(value);
		return -1;
	}
	if (value == NULL)
		return failure(f, "%s: %s", key, strerror(errno));
	*field = value;
	return 0;
}

static int
set_number(unsigned *field, const char *key, const char *value, unsigned most,
    const char *unit, struct failure *f)
{
	const int64_t n = number_parse(value, 1, most);

	if (*field != 0)
		return failure(f, "%s is given twice", key);
	if (n == -1)
		return failure(
		    f, "%s: %s is not 1 to %u %s", key, value, most, unit);
	*field = (unsigned)n;
	return 0;
}

/* The PIN of a token is a secret, and this file is none. */
static int
set_key(struct relay_conf *conf, const char *value, struct failure *f)
{
	const int on_token = strncmp(value, "pkcs11:", 7) == 0;

	if (on_token && strstr(value, "pin-value=") != NULL)
		return failure(f, "key: put the PIN into a file of its own, "
				  "and name that by pin-source=");
	conf->key_on_token = on_token;
	return set_string(&conf->key, "key",
	    on_token ? strdup(value) : config_lines_relative(conf->path, value),
	    f);
}

static int
set_tls_min(struct relay_conf *conf, const char *value, struct failure *f)
{
	if (conf->tls_min != 0)
		return failure(f, "tls_min is given twice");
	if (strcmp(value, "1.2") == 0)
		conf->tls_min = 12;
	else if (strcmp(value, "1.3") == 0)
		conf->tls_min = 13;
	else
		return failure(f, "tls_min: %s is not 1.2 or 1.3", value);
	return 0;
}

static int
set_crl_expired(struct relay_conf *conf, const char *value, struct failure *f)
{
	if (conf->crl_expired != CRL_EXPIRED_UNSET)
		return failure(f, "crl_expired is given twice");
	if (strcmp(value, "refuse") == 0)
		conf->crl_expired = CRL_EXPIRED_REFUSE;
	else if (strcmp(value, "warn") == 0)
		conf->crl_expired = CRL_EXPIRED_WARN;
	else
		return failure(
		    f, "crl_expired: %s is not refuse or warn", value);
	return 0;
}

/* Returns 1 for yes, 0 for no, or -1 with f; before: whether it was said. */
static int
yes_or_no(int before, const char *key, const char *value, struct failure *f)
{
	if (before)
		return failure(f, "%s is given twice", key);
	if (strcmp(value, "yes") == 0)
		return 1;
	if (strcmp(value, "no") == 0)
		return 0;
	return failure(f, "%s: %s is not yes or no", key, value);
}

static int
set_bare(struct relay_conf *conf, const char *value, struct failure *f)
{
	const int rc = yes_or_no(conf->bare != BARE_UNSET, "bare", value, f);

	if (rc != -1)
		conf->bare = rc ? BARE_YES : BARE_NO;
	return rc == -1 ? -1 : 0;
}

static int
set_peer_admin(struct relay_conf *conf, const char *value, struct failure *f)
{
	const int rc = yes_or_no(
	    conf->peer_admin != PEER_ADMIN_UNSET, "peer_admin", value, f);

	if (rc != -1)
		conf->peer_admin = rc ? PEER_ADMIN_YES : PEER_ADMIN_NO;
	return rc == -1 ? -1 : 0;
}

static int
set_park_after(struct relay_conf *conf, const char *value, struct failure *f)
{
	const int64_t n = number_parse(value, 0, TIMEOUT_MAX);

	if (conf->has_park_after)
		return failure(f, "park_after is given twice");
	if (n == -1)
		return failure(f, "park_after: %s is not 0 to %u seconds",
		    value, TIMEOUT_MAX);
	conf->park_after = (unsigned)n;
	conf->has_park_after = 1;
	return 0;
}

static int
set_proof(struct relay_conf *conf, const char *value, struct failure *f)
{
	if (conf->proof != PROOF_UNSET)
		return failure(f, "proof is given twice");
	if (strcmp(value, "require") == 0)
		conf->proof = PROOF_REQUIRE;
	else if (strcmp(value, "warn") == 0)
		conf->proof = PROOF_WARN;
	else
		return failure(f, "proof: %s is not require or warn", value);
	return 0;
}

static int
add_listen(struct relay_conf *conf, const char *value, struct failure *f)
{
	struct netaddr *addr;

	if (conf->nlisten == CONF_LISTEN_MAX)
		return failure(f, "more than %d listen lines", CONF_LISTEN_MAX);
	addr = &conf->listen[conf->nlisten];
	if (netaddr_parse(addr, value, f) == -1 ||
	    netaddr_check_numeric(addr, f) == -1)
		return -1;
	conf->nlisten++;
	return 0;
}

static int
add_admin(struct relay_conf *conf, const char *value, struct failure *f)
{
	if (conf->nadmins == CONF_ADMINS_MAX)
		return failure(f, "more than %d admin lines", CONF_ADMINS_MAX);
	if (identity_parse(&conf->admins[conf->nadmins], value) == -1)
		return failure(
		    f, "admin: %s is not sha256:<64 hex digits>", value);
	conf->nadmins++;
	return 0;
}

static int
add_proxy_from(struct relay_conf *conf, const char *value, struct failure *f)
{
	if (conf->nproxy_from == CONF_PROXY_FROM_MAX)
		return failure(
		    f, "more than %d proxy_from lines", CONF_PROXY_FROM_MAX);
	if (prefix_parse(&conf->proxy_from[conf->nproxy_from], value) == -1)
		return failure(
		    f, "proxy_from: %s is no address or prefix", value);
	conf->nproxy_from++;
	return 0;
}

/* An address of this kind, once. */
static int
set_peer_listen(struct relay_conf *conf, const char *value, struct failure *f)
{
	if (conf->peer_listen.host[0] != '\0')
		return failure(f, "peer_listen is given twice");
	if (netaddr_parse(&conf->peer_listen, value, f) == -1)
		return -1;
	return netaddr_check_numeric(&conf->peer_listen, f);
}

static int
add_store(struct relay_conf *conf, const char *value, struct failure *f)
{
	if (conf->nstores == CONF_STORES_MAX)
		return failure(
		    f, "more than %d presence lines", CONF_STORES_MAX);
	if (store_place_parse(&conf->stores[conf->nstores], value, f) == -1)
		return -1;
	conf->nstores++;
	return 0;
}

/* "NAME ADDRESS:PORT" */
static int
add_peer(struct relay_conf *conf, const char *value, struct failure *f)
{
	const size_t len = strcspn(value, " \t");
	const char *place = value + len + strspn(value + len, " \t");
	struct conf_peer *peer;

	if (conf->npeers == CONF_PEERS_MAX)
		return failure(f, "more than %d peer lines", CONF_PEERS_MAX);
	peer = &conf->peers[conf->npeers];
	if (len == 0 || len >= sizeof(peer->name) || *place == '\0')
		return failure(f, "peer: %s is not NAME ADDRESS:PORT", value);
	memcpy(peer->name, value, len);
	peer->name[len] = '\0';
	if (!node_name_good(peer->name, sizeof(peer->name)))
		return failure(f,
		    "peer: %s is no name: use lower case letters, digits, . "
		    "and -",
		    peer->name);
	for (size_t i = 0; i < conf->npeers; i++)
		if (strcmp(conf->peers[i].name, peer->name) == 0)
			return failure(
			    f, "peer: %s is given twice", peer->name);
	if (netaddr_parse(&peer->addr, place, f) == -1 ||
	    netaddr_check_numeric(&peer->addr, f) == -1)
		return -1;
	conf->npeers++;
	return 0;
}

int
relay_conf_key(struct relay_conf *c, unsigned line, const char *key,
    const char *value, struct failure *f)
{
	const struct {
		const char *key;
		char **field;
		int is_path;
	} strings[] = {
	    {"certificate", &c->certificate, 1},
	    {"token_folder", &c->token_folder, 1},
	    {"ca", &c->ca, 1},
	    {"crl", &c->crl, 1},
	    {"customers", &c->customers, 1},
	    {"socket", &c->socket, 1},
	    {"handoff", &c->handoff, 1},
	    {"keyd", &c->keyd, 1},
	    {"keyd_user", &c->keyd_user, 0},
	    {"peer_certificate", &c->peer_certificate, 1},
	    {"peer_key", &c->peer_key, 1},
	    {"peer_ca", &c->peer_ca, 1},
	    {"peer_crl", &c->peer_crl, 1},
	    {"peer_admin_certificate", &c->peer_admin_certificate, 1},
	    {"peer_admin_key", &c->peer_admin_key, 1},
	    {"presence_secret", &c->presence_secret, 1},
	    {"presence_ca", &c->presence_ca, 1},
	    {"presence_password", &c->presence_password, 1},
	    {"presence_user", &c->presence_user, 0},
	    {"user", &c->user, 0},
	    {"handler_user", &c->handler_user, 0},
	    {"group", &c->group, 0},
	    {"admin_group", &c->admin_group, 0},
	};
	const struct {
		const char *key;
		unsigned *field;
		unsigned most;
		const char *unit;
	} numbers[] = {
	    {"tls_timeout", &c->tls_timeout, TIMEOUT_MAX, "seconds"},
	    {"head_timeout", &c->head_timeout, TIMEOUT_MAX, "seconds"},
	    {"match_timeout", &c->match_timeout, TIMEOUT_MAX, "seconds"},
	    {"max_unregistered", &c->max_unregistered, COUNT_MAX,
		"connections"},
	    {"max_unregistered_from", &c->max_unregistered_from, COUNT_MAX,
		"connections"},
	    {"handler_uses", &c->handler_uses, USES_MAX, "connections"},
	};

	if (strcmp(key, "user") == 0)
		c->user_line = line;
	if (strcmp(key, "handler_uses") == 0)
		c->handler_uses_line = line;
	if (strcmp(key, "key") == 0)
		return set_key(c, value, f);
	if (strcmp(key, "listen") == 0)
		return add_listen(c, value, f);
	if (strcmp(key, "admin") == 0)
		return add_admin(c, value, f);
	if (strcmp(key, "peer") == 0)
		return add_peer(c, value, f);
	if (strcmp(key, "presence") == 0)
		return add_store(c, value, f);
	if (strcmp(key, "peer_listen") == 0)
		return set_peer_listen(c, value, f);
	if (strcmp(key, "peer_admin") == 0)
		return set_peer_admin(c, value, f);
	if (strcmp(key, "proxy_from") == 0)
		return add_proxy_from(c, value, f);
	if (strcmp(key, "crl_expired") == 0)
		return set_crl_expired(c, value, f);
	if (strcmp(key, "bare") == 0)
		return set_bare(c, value, f);
	if (strcmp(key, "park_after") == 0)
		return set_park_after(c, value, f);
	if (strcmp(key, "proof") == 0)
		return set_proof(c, value, f);
	if (strcmp(key, "tls_min") == 0)
		return set_tls_min(c, value, f);
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		if (strcmp(key, strings[i].key) == 0)
			return set_string(strings[i].field, key,
			    strings[i].is_path
				? config_lines_relative(c->path, value)
				: strdup(value),
			    f);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strcmp(key, numbers[i].key) == 0)
			return set_number(numbers[i].field, key, value,
			    numbers[i].most, numbers[i].unit, f);
	return failure(f, "unknown key %s (see relay.conf(5))", key);
}
