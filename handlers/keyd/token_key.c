/* A key on a token, found and signed with: see token.h. */
#include "keyd/token.h"
#include "keyd/token_state.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define KEYS_MAX 16 /* that one URI names */

/* ---- to find a key ---- */

/* Returns how many private keys uri names, at most KEYS_MAX; or -1 with f. */
static int
list_keys(const struct token *t, P11KitUri *uri,
    CK_OBJECT_HANDLE keys[static KEYS_MAX], struct failure *f)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE is_private = {CKA_CLASS, &class, sizeof(class)}, *all;
	CK_ULONG n;
	CK_RV rv;

	if (p11_kit_uri_set_attribute(uri, &is_private) != P11_KIT_URI_OK)
		return failure(f, "out of memory");
	all = p11_kit_uri_get_attributes(uri, &n);
	rv = t->module->C_FindObjectsInit(t->session, all, n);
	if (rv == CKR_OK) {
		rv = t->module->C_FindObjects(t->session, keys, KEYS_MAX, &n);
		t->module->C_FindObjectsFinal(t->session);
	}
	if (rv != CKR_OK)
		return failure(f, "the token: %s", p11_kit_strerror(rv));
	return (int)n;
}

/* Returns NULL, or why it is not the key. */
static const char *
try_key(const struct token *t, CK_OBJECT_HANDLE key, EVP_PKEY *public_key)
{
	const struct sign_scheme *scheme = sign_scheme_for(public_key);
	struct token trial = *t; /* what is lost by it is no matter */
	struct sign_answer a;
	struct sign_request r;
	uint8_t hash[32];
	const char *wrong;

	if (scheme == NULL || RAND_bytes(hash, sizeof(hash)) != 1)
		return "of a kind that does not sign";
	sign_request_make(&r, scheme->scheme, SIGN_SERVER, hash, sizeof(hash));
	wrong = token_sign(&trial, key, scheme, &r, &a);
	if (wrong == NULL &&
	    !sign_verify(public_key, scheme, &r, a.signature, a.length))
		wrong = "it is another's";
	return wrong;
}

unsigned long
token_find(const struct token *t, const struct relay_conf *conf,
    EVP_PKEY *public_key, struct failure *f)
{
	CK_OBJECT_HANDLE keys[KEYS_MAX] = {0}, found = CK_INVALID_HANDLE;
	P11KitUri *uri = token_uri(conf, f);
	const char *wrong = "the token has none";
	int n;

	if (uri == NULL)
		return CK_INVALID_HANDLE;
	if (!p11_kit_uri_match_token_info(uri, &t->info)) {
		failure(f, "%s: key: another token takes a start of relay-keyd",
		    conf->path);
		n = -1;
	} else
		n = list_keys(t, uri, keys, f);
	for (int i = 0; i < n && found == CK_INVALID_HANDLE; i++) {
		wrong = try_key(t, keys[i], public_key);
		if (wrong == NULL)
			found = keys[i];
	}
	if (n != -1 && found == CK_INVALID_HANDLE)
		failure(f, "%s: key: not the key of %s: %s", conf->path,
		    conf->certificate, wrong);
	p11_kit_uri_free(uri);
	return found;
}

/* ---- to sign ---- */

/* What PKCS #11 calls a scheme of RSA. */
static const struct mechanism {
	const char *digest;
	CK_MECHANISM_TYPE hash, pkcs1;
	CK_RSA_PKCS_MGF_TYPE mask;
} mechanisms[] = {
    {"SHA256", CKM_SHA256, CKM_SHA256_RSA_PKCS, CKG_MGF1_SHA256},
    {"SHA384", CKM_SHA384, CKM_SHA384_RSA_PKCS, CKG_MGF1_SHA384},
    {"SHA512", CKM_SHA512, CKM_SHA512_RSA_PKCS, CKG_MGF1_SHA512},
};

static const struct mechanism *
find_mechanism(const char *digest)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		if (strcmp(mechanisms[i].digest, digest) == 0)
			return &mechanisms[i];
	return NULL;
}

/* An ECDSA signature is two numbers of the same length there, and DER here. */
static int
encode(struct sign_answer *a, size_t len)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(a->signature, (int)(len / 2), NULL);
	BIGNUM *s = BN_bin2bn(
	    a->signature + len / 2, (int)(len - len / 2), NULL);
	unsigned char *at = a->signature;
	int n = -1;

	if (pair == NULL || r == NULL || s == NULL) {
		BN_free(r);
		BN_free(s);
	} else {
		ECDSA_SIG_set0(pair, r, s);
		n = i2d_ECDSA_SIG(pair, NULL);
	}
	if (n > 0 && n <= SIGN_SIGNATURE_MAX)
		n = i2d_ECDSA_SIG(pair, &at);
	ECDSA_SIG_free(pair);
	a->length = n > 0 && n <= SIGN_SIGNATURE_MAX ? (uint32_t)n : 0;
	return a->length == 0 ? -1 : 0;
}

/* Whether it is about what was asked for, and not the token's end. */
static int
is_of_request(CK_RV rv)
{
	static const CK_RV all[] = {CKR_HOST_MEMORY, CKR_ARGUMENTS_BAD,
	    CKR_DATA_INVALID, CKR_DATA_LEN_RANGE, CKR_KEY_SIZE_RANGE,
	    CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED,
	    CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID,
	    CKR_BUFFER_TOO_SMALL};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i] == rv)
			return 1;
	return 0;
}

/* Its PKCS #1 hashes there, all else here: so most tokens can. */
static const char *
sign_by(struct token *t, CK_OBJECT_HANDLE key, CK_MECHANISM *mechanism,
    const uint8_t *data, size_t len, struct sign_answer *a)
{
	CK_ULONG n = sizeof(a->signature);
	CK_RV rv = t->module->C_SignInit(t->session, mechanism, key);

	a->length = 0;
	if (rv == CKR_OK)
		rv = t->module->C_Sign(t->session, (CK_BYTE_PTR)(uintptr_t)data,
		    len, a->signature, &n);
	if (rv == CKR_OK && n <= sizeof(a->signature)) {
		a->length = (uint32_t)n;
		return NULL;
	}
	if (!is_of_request(rv))
		t->lost = p11_kit_strerror(rv);
	return p11_kit_strerror(rv);
}

const char *
token_sign(struct token *t, unsigned long key, const struct sign_scheme *scheme,
    const struct sign_request *r, struct sign_answer *a)
{
	const struct mechanism *m = scheme->digest == NULL
					? NULL
					: find_mechanism(scheme->digest);
	const int is_ec = strcmp(scheme->type, "EC") == 0;
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_MECHANISM by = {.mechanism = is_ec ? CKM_ECDSA : CKM_RSA_PKCS_PSS};
	uint8_t hash[EVP_MAX_MD_SIZE];
	size_t n = sizeof(hash);
	const char *wrong;

	if (m == NULL)
		return "no token is asked for this scheme";
	if (!is_ec && !scheme->is_pss) {
		by.mechanism = m->pkcs1;
		return sign_by(t, key, &by, r->message, r->length, a);
	}
	if (EVP_Q_digest(NULL, scheme->digest, NULL, r->message, r->length,
		hash, &n) != 1)
		return "out of memory";
	if (!is_ec) {
		pss = (CK_RSA_PKCS_PSS_PARAMS){m->hash, m->mask, n};
		by.pParameter = &pss;
		by.ulParameterLen = sizeof(pss);
	}
	wrong = sign_by(t, key, &by, hash, n, a);
	if (wrong == NULL && is_ec && encode(a, a->length) == -1)
		wrong = "the token's signature is none";
	return wrong;
}
