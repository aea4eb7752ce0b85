/* The messages of a handshake, taken apart: see transcript.h. */
#include "tls/transcript.h"

#include <string.h>

#define HEADER_BYTES 4 /* of a message: its type, and a length of 24 bits */

/* ---- what is in it ---- */

/* What is left to read. */
struct rest {
	const uint8_t *at;
	size_t len;
};

/* Takes n bytes. Returns where they are, or NULL where there are fewer. */
static const uint8_t *
take(struct rest *r, size_t n)
{
	const uint8_t *at = r->at;

	if (n > r->len)
		return NULL;
	r->at += n;
	r->len -= n;
	return at;
}

/* Takes a number of n bytes, 4 at most. Returns 0, or -1. */
static int
take_number(struct rest *r, size_t n, size_t *number)
{
	const uint8_t *at = take(r, n);

	*number = 0;
	if (at == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		*number = *number << 8 | at[i];
	return 0;
}

/* Takes a vector with a length of n bytes. Returns 0, or -1. */
static int
take_vector(struct rest *r, size_t n, struct rest *vector)
{
	if (take_number(r, n, &vector->len) == -1)
		return -1;
	vector->at = take(r, vector->len);
	return vector->at == NULL ? -1 : 0;
}

/* Takes the message that must come next. Returns 0, or -1. */
static int
take_message(struct rest *r, uint8_t type, struct rest *body)
{
	const uint8_t *is = take(r, 1);

	return is != NULL && *is == type ? take_vector(r, 3, body) : -1;
}

/* Of RFC 8446 4.1.3: the random number of a HelloRetryRequest. */
static const uint8_t retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a,
    0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
    0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8,
    0x33, 0x9c};

/* Reads a ServerHello. Returns 0, and what it is, or -1. */
static int
read_server_hello(struct transcript_parts *p, struct rest body, int *is_retry)
{
	struct rest random, session;
	size_t suite, time;

	if (take(&body, 2) == NULL || (random.at = take(&body, 32)) == NULL ||
	    take_vector(&body, 1, &session) == -1 ||
	    take_number(&body, 2, &suite) == -1)
		return -1;
	*is_retry = memcmp(random.at, retry_random, sizeof(retry_random)) == 0;
	random.len = sizeof(p->time);
	take_number(&random, sizeof(p->time), &time);
	p->time = (uint32_t)time;
	switch (suite) {
	case 0x1301: /* TLS_AES_128_GCM_SHA256 */
	case 0x1303: /* TLS_CHACHA20_POLY1305_SHA256 */
		p->digest = EVP_sha256();
		return 0;
	case 0x1302: /* TLS_AES_256_GCM_SHA384 */
		p->digest = EVP_sha384();
		return 0;
	default:
		return -1;
	}
}

/* Both hellos, and those of a HelloRetryRequest before. */
static int
read_hellos(struct transcript_parts *p, struct rest *r)
{
	int is_retry = 0;

	for (int i = 0; i < 2; i++) {
		struct rest body;
		size_t start;

		if (take_message(r, SSL3_MT_CLIENT_HELLO, &body) == -1)
			return -1;
		start = (size_t)(r->at - p->bytes);
		if (take_message(r, SSL3_MT_SERVER_HELLO, &body) == -1 ||
		    read_server_hello(p, body, &is_retry) == -1)
			return -1;
		if (!is_retry)
			return 0;
		if (i == 0)
			p->retry = start;
	}
	return -1;
}

static int
read_signature(struct rest body, struct transcript_signature *s)
{
	struct rest bytes;
	size_t scheme;

	if (take_number(&body, 2, &scheme) == -1 ||
	    take_vector(&body, 2, &bytes) == -1 || body.len != 0)
		return -1;
	s->scheme = (uint16_t)scheme;
	s->bytes = bytes.at;
	s->len = bytes.len;
	return 0;
}

/* Reads a Certificate. Returns 0, and what is in it, or -1. */
static int
read_certificates(struct rest body, struct transcript_certificates *c)
{
	struct rest context, list;

	if (take_vector(&body, 1, &context) == -1 || context.len != 0 ||
	    take_vector(&body, 3, &list) == -1 || body.len != 0)
		return -1;
	c->at = list.at;
	c->len = list.len;
	return 0;
}

int
transcript_certificate(
    struct transcript_certificates *c, const uint8_t **der, size_t *len)
{
	struct rest r = {c->at, c->len}, one, extensions;

	if (r.len == 0)
		return 0;
	if (take_vector(&r, 3, &one) == -1 || one.len == 0 ||
	    take_vector(&r, 2, &extensions) == -1)
		return -1;
	*der = one.at;
	*len = one.len;
	c->at = r.at;
	c->len = r.len;
	return 1;
}

/* The client's is the first of its certificates. */
static int
read_leaf(struct rest body, struct transcript_parts *p)
{
	struct transcript_certificates all;

	return read_certificates(body, &all) == 0 &&
		       transcript_certificate(&all, &p->leaf, &p->leaf_len) == 1
		   ? 0
		   : -1;
}

const char *
transcript_read(struct transcript_parts *p, const uint8_t *bytes, size_t len)
{
	struct rest r = {bytes, len}, body;

	memset(p, 0, sizeof(*p));
	p->bytes = bytes;
	if (read_hellos(p, &r) == -1)
		return "no hellos of TLS 1.3";
	if (take_message(&r, SSL3_MT_ENCRYPTED_EXTENSIONS, &body) == -1 ||
	    take_message(&r, SSL3_MT_CERTIFICATE_REQUEST, &body) == -1)
		return "no request for a certificate";
	if (take_message(&r, SSL3_MT_CERTIFICATE, &body) == -1 ||
	    read_certificates(body, &p->chain) == -1)
		return "no certificate of a server";
	p->server_end = (size_t)(r.at - bytes);
	if (take_message(&r, SSL3_MT_CERTIFICATE_VERIFY, &body) == -1 ||
	    read_signature(body, &p->server) == -1 ||
	    take_message(&r, SSL3_MT_FINISHED, &body) == -1)
		return "no signature of a server";
	if (take_message(&r, SSL3_MT_CERTIFICATE, &body) == -1 ||
	    read_leaf(body, p) == -1)
		return "no certificate of a client";
	p->client_end = (size_t)(r.at - bytes);
	if (take_message(&r, SSL3_MT_CERTIFICATE_VERIFY, &body) == -1 ||
	    read_signature(body, &p->client) == -1)
		return "no signature of a client";
	return r.len == 0 ? NULL : "more behind it";
}

/* ---- the hash ---- */

/* In the place of a first ClientHello, where a second was asked for. */
static int
add_message_hash(EVP_MD_CTX *ctx, const struct transcript_parts *p)
{
	const size_t n = (size_t)EVP_MD_get_size(p->digest);
	uint8_t message[HEADER_BYTES + EVP_MAX_MD_SIZE] = {
	    254, 0, 0, (uint8_t)n};

	return EVP_Digest(p->bytes, p->retry, message + HEADER_BYTES, NULL,
		   p->digest, NULL) == 1 &&
	       EVP_DigestUpdate(ctx, message, HEADER_BYTES + n) == 1;
}

size_t
transcript_hash(const struct transcript_parts *p, size_t end,
    uint8_t hash[static EVP_MAX_MD_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;

	if (ctx == NULL || EVP_DigestInit_ex(ctx, p->digest, NULL) != 1 ||
	    (p->retry != 0 && !add_message_hash(ctx, p)) ||
	    EVP_DigestUpdate(ctx, p->bytes + p->retry, end - p->retry) != 1 ||
	    EVP_DigestFinal_ex(ctx, hash, &len) != 1)
		len = 0;
	EVP_MD_CTX_free(ctx);
	return len;
}
