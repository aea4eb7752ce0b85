/*
 * relay.conf(5): the one configuration of the relay's side, read by the
 * broker, the handler and the spawner alike.
 */
#ifndef CONFIG_RELAY_CONF_H
#define CONFIG_RELAY_CONF_H

#include "base/failure.h"
#include "base/netaddr.h"
#include "base/prefix.h"
#include "config/identity.h"
#include "config/node_name.h"
#include "config/store_place.h"

#include <stddef.h>

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

#define CONF_PATH           SYSCONFDIR "/vpn-warp/relay.conf"
#define CONF_LISTEN_MAX     16
#define CONF_PROXY_FROM_MAX 16
#define CONF_ADMINS_MAX     16
#define CONF_PEERS_MAX      16
#define CONF_STORES_MAX     4

/* What an expired list of revoked certificates means. */
enum crl_expired { CRL_EXPIRED_UNSET, CRL_EXPIRED_REFUSE, CRL_EXPIRED_WARN };

/* Whether sealed sessions may leave the relay's TLS. */
enum bare_allowed { BARE_UNSET, BARE_YES, BARE_NO };

/* Whether relay-keyd has to vouch for a client. */
enum proof_needed { PROOF_UNSET, PROOF_REQUIRE, PROOF_WARN };

/* Whether administrators may ask by way of relay-peer. */
enum peer_admin { PEER_ADMIN_UNSET, PEER_ADMIN_YES, PEER_ADMIN_NO };

/* Another relay, which may have the agents that stones here look for. */
struct conf_peer {
	char name[NODE_NAME_SIZE];
	struct netaddr addr; /* numeric */
};

struct relay_conf {
	char *path; /* the file it was read from */
	struct netaddr listen[CONF_LISTEN_MAX];
	size_t nlisten;
	struct prefix proxy_from[CONF_PROXY_FROM_MAX]; /* balancers */
	size_t nproxy_from;
	char *certificate; /* paths, absolute or relative to the process */
	char *key;
	int key_on_token;   /* it is a URI (RFC 7512), and no path */
	char *token_folder; /* what the token's module reads; NULL: nothing */
	char *ca;
	char *crl; /* NULL: none is checked */
	enum crl_expired crl_expired;
	enum bare_allowed bare;
	char *socket;  /* the broker's */
	char *handoff; /* the spawner's; NULL: it has none */
	char *keyd;    /* relay-keyd's; NULL: handlers hold the key */
	char *keyd_user;
	enum proof_needed proof; /* where there is a keyd */
	char *user;
	unsigned user_line; /* of path; 0: it is the default */
	char *handler_user; /* as whom handlers run, in the same group */
	char *group;        /* "": the user's own */
	char *customers;    /* NULL: everyone has the default */
	char *admin_group;  /* NULL: root alone may administer */
	struct identity admins[CONF_ADMINS_MAX]; /* see all on the page */
	size_t nadmins;
	struct conf_peer peers[CONF_PEERS_MAX];
	size_t npeers;
	struct netaddr peer_listen; /* host "": it does not */
	char *peer_certificate;     /* NULL: there are no other relays */
	char *peer_key;
	char *peer_ca;
	char *peer_crl; /* NULL: none is checked */
	enum peer_admin peer_admin;
	char *peer_admin_certificate; /* relayctl's; NULL: it has none */
	char *peer_admin_key;
	struct store_place stores[CONF_STORES_MAX]; /* one of them is up */
	size_t nstores;            /* 0: relay-presence does not run */
	char *presence_secret;     /* paths */
	char *presence_ca;         /* NULL: no TLS */
	char *presence_password;   /* NULL: it asks for none */
	char *presence_user;       /* its name there; NULL: the default */
	int tls_min;               /* 12 or 13 */
	unsigned tls_timeout;      /* seconds, in all */
	unsigned head_timeout;     /* seconds, in all */
	unsigned match_timeout;    /* seconds */
	unsigned park_after;       /* seconds that an agent waits; 0: never */
	int has_park_after;        /* it was said */
	unsigned max_unregistered; /* connections, spawn/arrivals.h */
	unsigned max_unregistered_from; /* of them, from one address */
	unsigned handler_uses;          /* connections, one after another */
	unsigned handler_uses_line;     /* of path; 0: it is the default */
};

/*
 * Reads the file at path into *conf, with defaults for what it does not say.
 * Returns 0, or -1 with "file:line: reason" in f; *conf is then empty.
 */
int relay_conf_read(
    struct relay_conf *conf, const char *path, struct failure *f);

/* Frees what relay_conf_read allocated and empties *conf. */
void relay_conf_free(struct relay_conf *conf);

#endif
