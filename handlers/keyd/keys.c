/* The relay's private keys: see keys.h. */
#include "keyd/keys.h"
#include "tls/pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

/* ---- to have them ---- */

/* What one load has found. */
struct found {
	EVP_PKEY *key; /* as in struct keys */
	unsigned long on_token;
	uint8_t id[SIGN_KEY_BYTES];
};

static int
read_file(struct found *n, X509 *certificate, const struct relay_conf *conf,
    struct failure *f)
{
	n->key = pem_key(conf->key, f);
	if (n->key == NULL)
		return -1;
	if (X509_check_private_key(certificate, n->key) == 1)
		return 0;
	return failure(
	    f, "%s: not the key of %s", conf->key, conf->certificate);
}

static int
ask_token(struct keys *k, struct found *n, X509 *certificate,
    const struct relay_conf *conf, struct failure *f)
{
	n->key = X509_get_pubkey(certificate);
	if (n->key == NULL)
		return failure(f, "%s: no public key", conf->certificate);
	if (k->token == NULL && k->is_closed)
		return failure(f,
		    "%s: key: a first one on a token takes a start of "
		    "relay-keyd",
		    conf->path);
	if (k->token == NULL)
		k->token = token_open(conf, f);
	if (k->token == NULL)
		return -1;
	n->on_token = token_find(k->token, conf, n->key, f);
	return n->on_token == 0 ? -1 : 0;
}

static int
check_kind(
    const EVP_PKEY *key, const struct relay_conf *conf, struct failure *f)
{
	/* a handshake of an hour ago would have the signature of today's */
	if (conf->proof == PROOF_REQUIRE && EVP_PKEY_is_a(key, "ED25519"))
		return failure(f,
		    "%s: a key of Ed25519 signs the same each time, which is "
		    "no proof: use one of another kind, or proof = warn",
		    conf->key);
	if (EVP_PKEY_get_size(key) > SIGN_SIGNATURE_MAX)
		return failure(f, "%s: a key too large", conf->key);
	return 0;
}

/* Returns 0, or -1 with the reason in f, and n has no key. */
static int
read_pair(struct keys *k, struct found *n, const struct relay_conf *conf,
    struct failure *f)
{
	STACK_OF(X509) * chain;
	X509 *certificate = pem_certificate(conf->certificate, &chain, f);
	int rc;

	*n = (struct found){.key = NULL};
	if (certificate == NULL)
		return -1;
	rc = conf->key_on_token ? ask_token(k, n, certificate, conf, f)
				: read_file(n, certificate, conf, f);
	if (rc == 0)
		rc = check_kind(n->key, conf, f);
	if (rc == 0 && sign_key_of(certificate, n->id) == -1)
		rc = failure(f, "%s: out of memory", conf->certificate);
	if (rc == -1) {
		EVP_PKEY_free(n->key);
		n->key = NULL;
	}
	X509_free(certificate);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return rc;
}

int
keys_load(struct keys *k, const struct relay_conf *conf, const uint8_t *wanted,
    struct failure *f)
{
	struct found n;

	errno = 0;
	if (read_pair(k, &n, conf, f) == -1)
		return -1;
	if (wanted != NULL && memcmp(n.id, wanted, sizeof(n.id)) != 0) {
		EVP_PKEY_free(n.key);
		return failure(
		    f, "%s: not the key that is asked for", conf->key);
	}
	if (k->held[0].key != NULL &&
	    memcmp(n.id, k->held[0].id, sizeof(n.id)) == 0) {
		/* but it may lie somewhere else now */
		k->held[0].on_token = n.on_token;
		EVP_PKEY_free(k->held[0].key);
		k->held[0].key = n.key;
		return 0;
	}
	EVP_PKEY_free(k->held[KEYS - 1].key);
	memmove(&k->held[1], &k->held[0], (KEYS - 1) * sizeof(k->held[0]));
	k->held[0].key = n.key;
	k->held[0].on_token = n.on_token;
	memcpy(k->held[0].id, n.id, sizeof(n.id));
	return 1;
}

/* Returns its place, or KEYS. */
static size_t
find(const struct keys *k, const uint8_t *id)
{
	size_t i = 0;

	while (i < KEYS && (k->held[i].key == NULL ||
			       memcmp(k->held[i].id, id, SIGN_KEY_BYTES) != 0))
		i++;
	return i;
}

int
keys_have(const struct keys *k, const uint8_t *id)
{
	return find(k, id) < KEYS;
}

void
keys_free(struct keys *k)
{
	for (size_t i = 0; i < KEYS; i++)
		EVP_PKEY_free(k->held[i].key);
	token_close(k->token);
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
keys_sign(struct keys *k, const struct sign_request *r, struct sign_answer *a)
{
	const struct sign_scheme *scheme = sign_scheme_find(r->scheme);
	const size_t i = find(k, r->key);

	if (i == KEYS)
		return "it has no such key";
	if (scheme == NULL || !EVP_PKEY_is_a(k->held[i].key, scheme->type))
		return "the scheme is not of the key's kind";
	if (k->held[i].on_token != 0)
		return token_sign(k->token, k->held[i].on_token, scheme, r, a);
	return digest_sign(k->held[i].key, scheme, r, a) ? NULL
							 : "it cannot sign";
}
