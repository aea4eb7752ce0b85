/*
 * The relay's side of TLS: what the configuration names, loaded once; the
 * handshake of one connection; and the forgetting of all keys after it.
 */
#ifndef TLS_H
#define TLS_H

#include "conf.h"
#include "identity.h"

#include <openssl/ssl.h>

/* Certificates, key and store lie beside the context, so that they can go. */
struct tls_server {
	SSL_CTX *ctx;
	X509 *certificate;
	STACK_OF(X509) *chain;
	EVP_PKEY *key;
	X509_STORE *store;
};

/* Why a client's certificate was refused; filled in during the handshake. */
struct tls_refusal {
	char reason[128]; /* "" while nothing was refused */
	char subject[256];
	char identity[IDENTITY_HEX_SIZE];
};

/*
 * Prepares the OpenSSL library, without its configuration file. Call it once,
 * before anything else here. Returns 0 or -1.
 */
int tls_init(void);

/*
 * Loads what conf names. Refuses a key file with group or other bits. Returns
 * 0, or -1 with the reason in err; tls_server_free gives it all back.
 */
int tls_server_load(struct tls_server *server, const struct conf *conf,
    char *err, size_t errsize);

/* Frees and wipes all; safe on a zeroed one and twice. */
void tls_server_free(struct tls_server *server);

/*
 * Makes the TLS state for one accepted, non-blocking connection; the SSL does
 * not own fd. *refusal must outlive the handshake. Returns NULL on failure.
 */
SSL *tls_server_start(const struct tls_server *server, int fd,
    struct tls_refusal *refusal);

/*
 * Completes the handshake by deadline (deadline.h). Returns 0, or -1 with a
 * reason in err: refusal's, OpenSSL's, or a time-out.
 */
int tls_handshake(SSL *ssl, int64_t deadline, char *err, size_t errsize);

/* Lets go of what the handshake needed, the server's own part and ssl's. */
void tls_forget(struct tls_server *server, SSL *ssl);

/* OpenSSL's newest error as text, for people. */
void tls_error_text(char *err, size_t errsize);

#endif
