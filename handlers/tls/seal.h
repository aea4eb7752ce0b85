/*
 * Sealing: the TLS that relay-stone and relayagent make between themselves,
 * inside the session that the relay joined, with the certificate and key that
 * each came to the relay with. No authority counts: the other end's certificate
 * is byte for byte our own, or one that the peers file names.
 */
#ifndef TLS_SEAL_H
#define TLS_SEAL_H

#include "base/failure.h"
#include "tls/tls.h"

#define SEAL_HANDSHAKE_MS 10000 /* in all */

enum seal_mode {
	SEAL_AUTO,    /* where the other end can */
	SEAL_REQUIRE, /* or there is no session */
	SEAL_OFF,
};

enum seal_side { SEAL_STONE, SEAL_AGENT }; /* TLS's client, and server */

struct seal {
	enum seal_mode mode;
	SSL_CTX *ctx; /* NULL: off */
	EVP_PKEY *key;
	STACK_OF(X509) * accepted; /* our own first, then the peers */
};

/* "auto", "require" or "off". Returns 0, or -1 with a reason in f. */
int seal_mode_parse(enum seal_mode *mode, const char *word, struct failure *f);

/*
 * Makes all but the mode, which is set, from material, whose key and
 * certificate it shares. peers is a PEM file of certificates, or NULL. Returns
 * 0, or -1 with a reason in f; seal_free either way.
 */
int seal_init(struct seal *seal, enum seal_side side,
    const struct tls_material *material, const char *peers, struct failure *f);

/*
 * The TLS state of one sealed session on the connection fd, without a BIO yet.
 * seal must outlive its handshake. Returns NULL with the error in OpenSSL's
 * queue.
 */
SSL *seal_start(const struct seal *seal, int fd);

/*
 * After the handshake: whether it is what it has to be. Lets go of the key.
 * Returns 0, or -1 with a reason in f.
 */
int seal_check(SSL *ssl, struct failure *f);

/* Why the handshake failed, with errno as error. */
void seal_failure(const SSL *ssl, int error, struct failure *f);

/*
 * Lets go of the key; a session that was started has its own hold on it, until
 * its handshake is over.
 */
void seal_forget(struct seal *seal);

/* Frees all, and wipes the key; safe on a zeroed one and twice. */
void seal_free(struct seal *seal);

#endif
