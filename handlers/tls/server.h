/*
 * The relay's end of TLS: what the configuration names, and what is noted of a
 * client whose certificate is refused.
 */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include "base/failure.h"
#include "config/identity.h"
#include "config/relay_conf.h"
#include "tls/tls.h"

/* Whose certificate was refused; empty while none was. */
struct tls_refusal {
	int pass_expired_crl; /* an expired CRL refuses nobody */
	int crl_expired;      /* one was passed over */
	char subject[256];
	char identity[IDENTITY_HEX_SIZE];
	struct identity fingerprint; /* of the certificate as it came */
};

/* Call it once, after tls_init. Returns 0 or -1. */
int tls_server_init(void);

/*
 * Loads what conf names; where it names a keyd, the key is there, and no file
 * of it is opened. Refuses a key file with group or other bits. Returns 0, or
 * -1 with the reason in f; tls_material_free gives it all back.
 */
int tls_server_load(struct tls_material *material,
    const struct relay_conf *conf, struct failure *f);

/*
 * Loads again what conf names, as tls_server_load does, for who has old. Where
 * the key is another and relay-keyd's, that has to sign with it. Returns 0, or
 * -1 with the reason in f.
 */
int tls_server_reload(struct tls_material *material,
    const struct tls_material *old, const struct relay_conf *conf,
    struct failure *f);

/*
 * Whether the relay's own certificate is valid now: if not, no client accepts
 * it. Returns 0, or -1 with the reason in f.
 */
int tls_server_check(const struct tls_material *material,
    const struct relay_conf *conf, struct failure *f);

/*
 * Makes the TLS state for one accepted connection (tls_new). *refusal is
 * filled in during the handshake and must outlive it.
 */
SSL *tls_server_start(const struct tls_material *material, int fd,
    int pass_expired_crl, struct tls_refusal *refusal);

#endif
