/*
 * The messages of a handshake of TLS 1.3 (RFC 8446 4), from the ClientHello to
 * the client's CertificateVerify: collected by the server as they pass, and
 * read by who has to see what they prove. Reading is pure.
 */
#ifndef TLS_TRANSCRIPT_H
#define TLS_TRANSCRIPT_H

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes. A usual one has 6 KiB, with a chain of three large keys 24 KiB. */
#define TRANSCRIPT_MAX 65536

/* ---- to collect ---- */

struct transcript {
	uint8_t *bytes;
	size_t len, room;
	int complete; /* the client's CertificateVerify is there */
	int failed;   /* without memory, or of more than TRANSCRIPT_MAX bytes */
};

/*
 * Collects from now on what passes in ssl, whose callback of messages this
 * takes. t, empty, must outlive that.
 */
void transcript_begin(struct transcript *t, SSL *ssl);

/* Frees what was collected; safe twice. */
void transcript_free(struct transcript *t);

/* ---- to read ---- */

/* What CertificateVerify has. */
struct transcript_signature {
	uint16_t scheme; /* RFC 8446 4.2.3 */
	const uint8_t *bytes;
	size_t len;
};

/* Those of a Certificate that are still to be read. */
struct transcript_certificates {
	const uint8_t *at;
	size_t len;
};

/* The parts of one; all lie in its bytes. */
struct transcript_parts {
	const uint8_t *bytes;
	size_t retry;         /* where a HelloRetryRequest begins; 0: none */
	size_t server_end;    /* of the server's Certificate */
	size_t client_end;    /* of the client's */
	const EVP_MD *digest; /* of the cipher suite */
	uint32_t time;        /* what the server's random number begins with */
	struct transcript_certificates chain; /* the server's */
	struct transcript_signature server, client;
	const uint8_t *leaf; /* the client's certificate, DER */
	size_t leaf_len;
};

/*
 * Takes len bytes apart: every message that has to be there, in order, within
 * its bounds, and nothing else. Returns NULL, or what is wrong, a static
 * string.
 */
const char *transcript_read(
    struct transcript_parts *p, const uint8_t *bytes, size_t len);

/*
 * Takes the next of them, the first of which is the leaf: *der and *len become
 * it. Returns 1; 0 where there is no more; or -1: it is cut.
 */
int transcript_certificate(
    struct transcript_certificates *c, const uint8_t **der, size_t *len);

/*
 * The transcript hash (RFC 8446 4.4.1) up to end, server_end or client_end.
 * Returns its length, or 0 without memory.
 */
size_t transcript_hash(const struct transcript_parts *p, size_t end,
    uint8_t hash[static EVP_MAX_MD_SIZE]);

#endif
