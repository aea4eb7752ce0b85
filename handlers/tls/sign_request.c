/* What relay-keyd is asked: see sign_request.h. */
#include "tls/sign_request.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

/* ---- schemes ---- */

static const struct sign_scheme schemes[] = {
    {"EC", "SHA256", 0, 0x0403},
    {"EC", "SHA384", 0, 0x0503},
    {"EC", "SHA512", 0, 0x0603},
    {"ED25519", NULL, 0, 0x0807},
    {"RSA", "SHA256", 1, 0x0804},
    {"RSA", "SHA384", 1, 0x0805},
    {"RSA", "SHA512", 1, 0x0806},
    {"RSA", "SHA256", 0, 0x0401},
    {"RSA", "SHA384", 0, 0x0501},
    {"RSA", "SHA512", 0, 0x0601},
};

#define SCHEMES (sizeof(schemes) / sizeof(*schemes))

const struct sign_scheme *
sign_scheme_find(uint16_t scheme)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].scheme == scheme)
			return &schemes[i];
	return NULL;
}

/* OpenSSL has two names of each: SHA256 is SHA2-256, too. */
static int
is_digest(const char *digest, const char *name)
{
	if (digest == NULL || name == NULL)
		return digest == name;
	if (strncmp(name, "SHA2-", 5) == 0)
		return strcmp(digest + 3, name + 5) == 0;
	return strcmp(digest, name) == 0;
}

const struct sign_scheme *
sign_scheme_of(const char *type, const char *digest, int is_pss)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (strcmp(schemes[i].type, type) == 0 &&
		    is_digest(schemes[i].digest, digest) &&
		    schemes[i].is_pss == is_pss)
			return &schemes[i];
	return NULL;
}

const char *
sign_type_of(const EVP_PKEY *key)
{
	static const char *const types[] = {"RSA", "EC", "ED25519"};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (EVP_PKEY_is_a(key, types[i]))
			return types[i];
	return NULL;
}

const struct sign_scheme *
sign_scheme_for(const EVP_PKEY *key)
{
	const char *type = sign_type_of(key);
	const int bits = EVP_PKEY_get_bits(key);

	if (type == NULL)
		return NULL;
	if (strcmp(type, "ED25519") == 0)
		return sign_scheme_of(type, NULL, 0);
	if (strcmp(type, "RSA") == 0)
		return sign_scheme_of(type, "SHA256", 1);
	return sign_scheme_of(type,
	    bits > 384   ? "SHA512"
	    : bits > 256 ? "SHA384"
			 : "SHA256",
	    0);
}

/* ---- what is signed ---- */

/* RFC 8446 4.4.3: 64 spaces, one of these with its NUL, and a hash. */
#define SPACES       64
#define CONTEXT_SIZE sizeof("TLS 1.3, server CertificateVerify")
static const char contexts[][CONTEXT_SIZE] = {
    [SIGN_SERVER] = "TLS 1.3, server CertificateVerify",
    [SIGN_CLIENT] = "TLS 1.3, client CertificateVerify",
};
#define BEFORE_HASH (SPACES + CONTEXT_SIZE)

static int
is_tls13(const uint8_t *message, size_t len)
{
	const size_t hash = len - BEFORE_HASH;

	if (len < BEFORE_HASH || (hash != 32 && hash != 48))
		return 0;
	for (size_t i = 0; i < SPACES; i++)
		if (message[i] != ' ')
			return 0;
	return memcmp(message + SPACES, contexts[SIGN_SERVER], CONTEXT_SIZE) ==
	       0;
}

/*
 * RFC 8422 5.4: two random numbers, then a named curve (type 3, two bytes) and
 * a point, with its length in a byte.
 */
#define RANDOMS 64

static int
is_tls12(const uint8_t *message, size_t len)
{
	return len > RANDOMS + 4 && message[RANDOMS] == 3 &&
	       len == RANDOMS + 4 + (size_t)message[RANDOMS + 3];
}

const char *
sign_request_check(const struct sign_request *r, size_t len, int tls_min)
{
	if (len != sizeof(*r))
		return "not of a request's size";
	if (r->header.version != KEYD_VERSION)
		return "of another version of the relay";
	if (sign_scheme_find(r->scheme) == NULL)
		return "of an unknown scheme";
	if (r->length < 1 || r->length > SIGN_MESSAGE_MAX)
		return "of a length out of bounds";
	if (is_tls13(r->message, r->length) ||
	    (tls_min == 12 && is_tls12(r->message, r->length)))
		return NULL;
	return "not what a TLS server signs";
}

const char *
sign_answer_check(const struct sign_answer *a, size_t len)
{
	if (len != sizeof(*a))
		return "not of an answer's size";
	if (a->version != KEYD_VERSION)
		return "of another version of the relay";
	if (a->length > SIGN_SIGNATURE_MAX ||
	    memchr(a->reason, '\0', sizeof(a->reason)) == NULL)
		return "of a length out of bounds";
	return NULL;
}

void
sign_request_make(struct sign_request *r, uint16_t scheme, enum sign_side side,
    const uint8_t *hash, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->header = (struct keyd_header){KEYD_VERSION, KEYD_SIGN};
	r->scheme = scheme;
	r->length = (uint32_t)(BEFORE_HASH + n);
	memset(r->message, ' ', SPACES);
	memcpy(r->message + SPACES, contexts[side], CONTEXT_SIZE);
	memcpy(r->message + BEFORE_HASH, hash, n);
}

int
sign_verify(EVP_PKEY *key, const struct sign_scheme *scheme,
    const struct sign_request *r, const uint8_t *signature, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx; /* of ctx */
	int ok = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, &pctx,
				    scheme->digest, NULL, NULL, key, NULL) == 1;

	if (ok && scheme->is_pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(
			 pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(
			 pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok &&
	     EVP_DigestVerify(ctx, signature, len, r->message, r->length) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

int
sign_key_of(const X509 *certificate, uint8_t key[static SIGN_KEY_BYTES])
{
	unsigned len = SIGN_KEY_BYTES;

	return X509_pubkey_digest(certificate, EVP_sha256(), key, &len) == 1
		   ? 0
		   : -1;
}
