/* Whose handshake it was: see proof.h. */
#include "keyd/proof.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

/* ---- the server's signature ---- */

/*
 * It is the signature that tells a handshake from all others, too: to sign the
 * same hash again, for who has kept messages, makes another one.
 */
static int
digest(uint8_t what[static SIGNED_BYTES], const struct sign_request *r,
    const uint8_t *signature, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL &&
		 EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		 EVP_DigestUpdate(ctx, &r->scheme, sizeof(r->scheme)) == 1 &&
		 EVP_DigestUpdate(ctx, r->message, r->length) == 1 &&
		 EVP_DigestUpdate(ctx, signature, len) == 1 &&
		 EVP_DigestFinal_ex(ctx, what, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

int
proof_note(struct signed_memory *m, pid_t pid, int64_t until,
    const struct sign_request *r, const struct sign_answer *a)
{
	uint8_t what[SIGNED_BYTES];

	if (digest(what, r, a->signature, a->length) == -1)
		return -1;
	signed_note(m, pid, until, what);
	return 0;
}

static int
was_signed(struct signed_memory *m, pid_t pid, int64_t now,
    const struct transcript_parts *p)
{
	uint8_t hash[EVP_MAX_MD_SIZE], what[SIGNED_BYTES];
	const size_t n = transcript_hash(p, p->server_end, hash);
	struct sign_request r;

	if (n == 0)
		return 0;
	sign_request_make(&r, p->server.scheme, SIGN_SERVER, hash, n);
	return digest(what, &r, p->server.bytes, p->server.len) == 0 &&
	       signed_take(m, pid, now, what);
}

/* ---- the client's ---- */

/* Beside those of sign_request.h, of which a client's key may be, too. */
static const struct sign_scheme others[] = {
    {"RSA-PSS", "SHA256", 1, 0x0809},
    {"RSA-PSS", "SHA384", 1, 0x080a},
    {"RSA-PSS", "SHA512", 1, 0x080b},
    {"ED448", NULL, 0, 0x0808},
    {"EC", "SHA256", 0, 0x081a}, /* RFC 8734: Brainpool's curves */
    {"EC", "SHA384", 0, 0x081b},
    {"EC", "SHA512", 0, 0x081c},
};

static const struct sign_scheme *
find_scheme(uint16_t scheme)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (others[i].scheme == scheme)
			return &others[i];
	return sign_scheme_find(scheme);
}

/* RFC 8446 4.2.3: the schemes of PKCS #1 are for certificates alone. */
static int
is_of_key(const struct sign_scheme *scheme, const EVP_PKEY *key)
{
	return scheme != NULL && EVP_PKEY_is_a(key, scheme->type) &&
	       (scheme->is_pss || !EVP_PKEY_is_a(key, "RSA"));
}

static int
verify(EVP_PKEY *key, const struct sign_scheme *scheme,
    const struct transcript_parts *p)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	const size_t n = transcript_hash(p, p->client_end, hash);
	struct sign_request r;

	if (n == 0)
		return 0;
	sign_request_make(&r, scheme->scheme, SIGN_CLIENT, hash, n);
	return sign_verify(key, scheme, &r, p->client.bytes, p->client.len);
}

static const char *
check_client(const struct transcript_parts *p)
{
	const struct sign_scheme *scheme = find_scheme(p->client.scheme);
	const unsigned char *at = p->leaf;
	X509 *leaf = d2i_X509(NULL, &at, (long)p->leaf_len);
	EVP_PKEY *key = leaf == NULL ? NULL : X509_get0_pubkey(leaf);
	const char *wrong = NULL;

	if (key == NULL || at != p->leaf + p->leaf_len)
		wrong = "the client's certificate cannot be read";
	else if (!is_of_key(scheme, key))
		wrong = "the client's scheme is not of its key's kind";
	else if (!verify(key, scheme, p))
		wrong = "the client has not signed this";
	X509_free(leaf);
	ERR_clear_error();
	return wrong;
}

const char *
proof_check(struct signed_memory *m, pid_t pid, int64_t now,
    const uint8_t *transcript, size_t len, struct transcript_parts *p)
{
	const char *wrong = transcript_read(p, transcript, len);

	if (wrong != NULL)
		return wrong;
	if (!was_signed(m, pid, now, p))
		return "it did not sign this for this process, or not just now";
	return check_client(p);
}
