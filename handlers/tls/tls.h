/*
 * TLS, common to both ends: the material of one end (certificate, key, store),
 * the handshake of one connection, and the forgetting of all keys after it.
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "base/failure.h"

#include <openssl/ssl.h>

/* Certificates, key and store lie beside the context, so that they can go. */
struct tls_material {
	SSL_CTX *ctx;
	X509 *certificate; /* NULL: a client's, that shows none */
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
	int key_is_apart;  /* of a host: the other end has another */
	X509_STORE *store; /* whom the other end must chain to */
};

/*
 * Prepares the OpenSSL library, without its configuration file. Call it once,
 * before anything else of TLS. Returns 0 or -1.
 */
int tls_init(void);

/*
 * Makes a context for one end: no resumption, no renegotiation, non-blocking
 * partial writes, the peer's certificate required. tls_min is 12 or 13.
 * Returns NULL with the error in OpenSSL's queue.
 */
SSL_CTX *tls_context(const SSL_METHOD *method, int tls_min);

/*
 * Makes the TLS state for one non-blocking connection; the SSL does not own fd.
 * Returns NULL with the error in OpenSSL's queue.
 */
SSL *tls_new(const struct tls_material *material, int fd);

/*
 * Completes the handshake by deadline (base/deadline.h). Returns 0, or -1 with
 * a reason in f and errno: EKEYREJECTED where something is wrong with the
 * peer's certificate (SSL_get_verify_result), ENOKEY where it has none, EACCES
 * where the peer refuses ours, ETIMEDOUT, ECONNRESET where it broke off, EPROTO
 * for all else.
 */
int tls_handshake(SSL *ssl, int64_t deadline, struct failure *f);

/*
 * Why SSL_do_handshake failed: what is wrong with the peer's certificate, what
 * it said, OpenSSL's reason, or else system, an errno (0: the end of the
 * connection). Empties OpenSSL's queue. Returns an errno as tls_handshake sets
 * it.
 */
int tls_handshake_failure(const SSL *ssl, int system, struct failure *f);

/* Has ssl let go of what its handshake needed. */
void tls_let_go(SSL *ssl);

/* The same, and material too, for who makes no other handshake. */
void tls_forget(struct tls_material *material, SSL *ssl);

/* Frees and wipes all; safe on a zeroed one and twice. */
void tls_material_free(struct tls_material *material);

/*
 * Why the peer broke off, if the last call of OpenSSL met an alert: in TLS 1.3
 * a client learns that its certificate is refused only as it reads. A static
 * string, or NULL.
 */
const char *tls_peer_alert(void);

/* OpenSSL's newest error as text, for people; empties its queue. */
void tls_error_text(struct failure *f);

#endif
