/*
 * What relay-keyd(8) is asked, and what it answers: one packet each, over a
 * SOCK_SEQPACKET socket of one host, in native byte order. It signs what a TLS
 * server signs in a handshake and nothing else, so that nobody who may ask it
 * can have it sign for another purpose.
 */
#ifndef TLS_SIGN_REQUEST_H
#define TLS_SIGN_REQUEST_H

#include "ipc/keyd_packet.h"

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_KEY_BYTES     32   /* SHA-256 */
#define SIGN_MESSAGE_MAX   256  /* bytes; of TLS 1.2 and P-521, 201 */
#define SIGN_SIGNATURE_MAX 1024 /* bytes; of RSA with 8192 bits */

struct sign_request {
	struct keyd_header header; /* KEYD_SIGN */
	uint16_t scheme;           /* RFC 8446 4.2.3, struct sign_scheme */
	uint16_t reserved;
	uint32_t length;             /* of message, 1 to SIGN_MESSAGE_MAX */
	uint8_t key[SIGN_KEY_BYTES]; /* sign_key_of */
	uint8_t message[SIGN_MESSAGE_MAX];
};

struct sign_answer {
	uint16_t version;
	uint16_t reserved;
	uint32_t length; /* of signature; 0: refused, and reason says why */
	uint8_t signature[SIGN_SIGNATURE_MAX];
	char reason[KEYD_REASON_MAX];
};

/* A way to sign that TLS knows and a relay's key can. */
struct sign_scheme {
	const char *type;   /* of key, as OpenSSL names it */
	const char *digest; /* likewise; NULL: the scheme has its own */
	int is_pss;         /* RSA-PSS, and not PKCS #1 */
	uint16_t scheme;    /* RFC 8446 4.2.3 */
};

/* Returns NULL where there is none. */
const struct sign_scheme *sign_scheme_find(uint16_t scheme);

/* The same by what it consists of; digest by any of its names, NULL: none. */
const struct sign_scheme *sign_scheme_of(
    const char *type, const char *digest, int is_pss);

/* What keys it signs with: the type of this one, or NULL. A static string. */
const char *sign_type_of(const EVP_PKEY *key);

/* The scheme that TLS 1.3 uses with it, or NULL. */
const struct sign_scheme *sign_scheme_for(const EVP_PKEY *key);

/*
 * What is wrong with the len bytes that came as a request, or NULL: its size,
 * version, scheme, or a message that is none of a TLS server. That of TLS 1.2
 * counts as one where tls_min is 12. A static string.
 */
const char *sign_request_check(
    const struct sign_request *r, size_t len, int tls_min);

/* The same of an answer. */
const char *sign_answer_check(const struct sign_answer *a, size_t len);

/* Who signs in a handshake. */
enum sign_side { SIGN_SERVER, SIGN_CLIENT };

/*
 * Makes r the request for such a signature of TLS 1.3 over a transcript hash of
 * n bytes, 32 or 48. Its key is the caller's to set. relay-keyd signs as a
 * server alone.
 */
void sign_request_make(struct sign_request *r, uint16_t scheme,
    enum sign_side side, const uint8_t *hash, size_t n);

/*
 * Whether the signature, len bytes, is one of r's message by this scheme with
 * the key, which has to be of its type. Returns 1, or 0, and OpenSSL's queue is
 * empty.
 */
int sign_verify(EVP_PKEY *key, const struct sign_scheme *scheme,
    const struct sign_request *r, const uint8_t *signature, size_t len);

/* By what certificate's key is asked for. Returns 0, or -1. */
int sign_key_of(const X509 *certificate, uint8_t key[static SIGN_KEY_BYTES]);

#endif
