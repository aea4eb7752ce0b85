/* The relay's private keys: see keys.h. */
#include "keyd/keys.h"
#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

/* ---- to have them ---- */

/* Returns NULL with the reason in f, or the key, and sets id. */
static EVP_PKEY *
read_pair(const struct relay_conf *conf, uint8_t id[static SIGN_KEY_BYTES],
    struct failure *f)
{
	STACK_OF(X509) * chain;
	X509 *certificate = pem_certificate(conf->certificate, &chain, f);
	EVP_PKEY *key = NULL;

	if (certificate == NULL)
		return NULL;
	key = pem_key(conf->key, f);
	if (key != NULL && (X509_check_private_key(certificate, key) != 1 ||
			       sign_key_of(certificate, id) == -1)) {
		failure(
		    f, "%s: not the key of %s", conf->key, conf->certificate);
		EVP_PKEY_free(key);
		key = NULL;
	}
	/* a handshake of an hour ago would have the signature of today's */
	if (key != NULL && conf->proof == PROOF_REQUIRE &&
	    EVP_PKEY_is_a(key, "ED25519")) {
		failure(f,
		    "%s: a key of Ed25519 signs the same each time, which is "
		    "no proof: use one of another kind, or proof = warn",
		    conf->key);
		EVP_PKEY_free(key);
		key = NULL;
	}
	if (key != NULL && EVP_PKEY_get_size(key) > SIGN_SIGNATURE_MAX) {
		failure(f, "%s: a key too large", conf->key);
		EVP_PKEY_free(key);
		key = NULL;
	}
	X509_free(certificate);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return key;
}

int
keys_load(struct keys *k, const struct relay_conf *conf, const uint8_t *wanted,
    struct failure *f)
{
	uint8_t id[SIGN_KEY_BYTES];
	EVP_PKEY *key = read_pair(conf, id, f);

	if (key == NULL)
		return -1;
	if (wanted != NULL && memcmp(id, wanted, sizeof(id)) != 0) {
		EVP_PKEY_free(key);
		return failure(
		    f, "%s: not the key that is asked for", conf->key);
	}
	if (k->held[0].key != NULL &&
	    memcmp(id, k->held[0].id, sizeof(id)) == 0) {
		EVP_PKEY_free(key);
		return 0;
	}
	EVP_PKEY_free(k->held[KEYS - 1].key);
	memmove(&k->held[1], &k->held[0], (KEYS - 1) * sizeof(k->held[0]));
	k->held[0].key = key;
	memcpy(k->held[0].id, id, sizeof(id));
	return 1;
}

static EVP_PKEY *
find(const struct keys *k, const uint8_t *id)
{
	for (size_t i = 0; i < KEYS; i++)
		if (k->held[i].key != NULL &&
		    memcmp(k->held[i].id, id, SIGN_KEY_BYTES) == 0)
			return k->held[i].key;
	return NULL;
}

int
keys_have(const struct keys *k, const uint8_t *id)
{
	return find(k, id) != NULL;
}

void
keys_free(struct keys *k)
{
	for (size_t i = 0; i < KEYS; i++)
		EVP_PKEY_free(k->held[i].key);
	memset(k, 0, sizeof(*k));
}

/* ---- to sign ---- */

static int
digest_sign(EVP_PKEY *key, const struct sign_scheme *scheme,
    const struct sign_request *r, struct sign_answer *a)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx; /* of ctx */
	size_t len = sizeof(a->signature);
	int ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, &pctx,
				    scheme->digest, NULL, NULL, key, NULL) == 1;

	if (ok && scheme->is_pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(
			 pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(
			 pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok && EVP_DigestSign(
		       ctx, a->signature, &len, r->message, r->length) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	a->length = ok ? (uint32_t)len : 0;
	return ok;
}

const char *
keys_sign(
    const struct keys *k, const struct sign_request *r, struct sign_answer *a)
{
	const struct sign_scheme *scheme = sign_scheme_find(r->scheme);
	EVP_PKEY *key = find(k, r->key);

	if (key == NULL)
		return "it has no such key";
	if (scheme == NULL || !EVP_PKEY_is_a(key, scheme->type))
		return "the scheme is not of the key's kind";
	return digest_sign(key, scheme, r, a) ? NULL : "it cannot sign";
}
