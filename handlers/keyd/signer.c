/* The two signatures of a handshake: see signer.h. */
#include "keyd/signer.h"
#include "tls/sign_request.h"

#include <openssl/err.h>

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
verify(EVP_PKEY *key, const struct sign_scheme *scheme, enum sign_side side,
    const struct transcript_parts *p)
{
	const struct transcript_signature *s = side == SIGN_SERVER ? &p->server
								   : &p->client;
	uint8_t hash[EVP_MAX_MD_SIZE];
	const size_t n = transcript_hash(
	    p, side == SIGN_SERVER ? p->server_end : p->client_end, hash);
	struct sign_request r;

	if (n == 0)
		return 0;
	sign_request_make(&r, scheme->scheme, side, hash, n);
	return sign_verify(key, scheme, &r, s->bytes, s->len);
}

X509 *
signer_certificate(const uint8_t *der, size_t len)
{
	const unsigned char *at = der;
	X509 *certificate = d2i_X509(NULL, &at, (long)len);

	ERR_clear_error();
	if (certificate != NULL && at == der + len)
		return certificate;
	X509_free(certificate);
	return NULL;
}

int
signer_check_server(const X509 *leaf, const struct transcript_parts *p)
{
	const struct sign_scheme *scheme = find_scheme(p->server.scheme);
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	const int ok = key != NULL && is_of_key(scheme, key) &&
		       verify(key, scheme, SIGN_SERVER, p);

	ERR_clear_error();
	return ok;
}

const char *
signer_check_client(const struct transcript_parts *p)
{
	const struct sign_scheme *scheme = find_scheme(p->client.scheme);
	X509 *leaf = signer_certificate(p->leaf, p->leaf_len);
	EVP_PKEY *key = leaf == NULL ? NULL : X509_get0_pubkey(leaf);
	const char *wrong = NULL;

	if (key == NULL)
		wrong = "the client's certificate cannot be read";
	else if (!is_of_key(scheme, key))
		wrong = "the client's scheme is not of its key's kind";
	else if (!verify(key, scheme, SIGN_CLIENT, p))
		wrong = "the client has not signed this";
	X509_free(leaf);
	ERR_clear_error();
	return wrong;
}
