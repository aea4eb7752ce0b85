/*
 * What relay-peer knows itself and others by: its certificate and key among
 * relays, their authority, and that of the clients, whom it checks for itself.
 */
#ifndef PEER_MATERIAL_H
#define PEER_MATERIAL_H

#include "base/failure.h"
#include "config/relay_conf.h"
#include "tls/tls.h"

struct peer_material {
	struct tls_material dials;   /* to other relays */
	struct tls_material accepts; /* from them */
	X509_STORE *clients;         /* the authority of stones and agents */
	int pass_expired_crl;        /* of these */
	char name[NODE_NAME_SIZE];   /* this relay's own */
};

/*
 * Loads what conf names. Returns 0, or -1 with a reason in f and nothing to
 * free.
 */
int peer_material_load(
    struct peer_material *m, const struct relay_conf *conf, struct failure *f);

void peer_material_free(struct peer_material *m);

/*
 * The name of a relay by its certificate: the first DNS name in it. Returns 0,
 * or -1 where it has none that is one.
 */
int peer_material_name(
    const X509 *certificate, char name[static NODE_NAME_SIZE]);

/*
 * The name of an administrator by his: URI:vpn-warp:admin:NAME in it. Returns
 * 0, or -1 where it has none. A certificate that is a relay's is no other's.
 */
int peer_material_admin(
    const X509 *certificate, char name[static NODE_NAME_SIZE]);

/*
 * What an administrator dials relays with, conf's peer_admin_certificate: m has
 * its dials alone. Returns as peer_material_load does.
 */
int peer_material_load_admin(
    struct peer_material *m, const struct relay_conf *conf, struct failure *f);

/* TLS with a relay that has connected. NULL with the error in OpenSSL's queue.
 */
SSL *peer_material_accept(const struct peer_material *m, int sock);

/* TLS with the relay of this name, to which sock has connected; likewise. */
SSL *peer_material_dial(
    const struct peer_material *m, int sock, const char *name);

#endif
