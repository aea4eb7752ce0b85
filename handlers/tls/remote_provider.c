/* The provider of keys that are not here: see remote_provider.h. */
#include "tls/remote_provider.h"
#include "base/log.h"
#include "tls/keyd_client.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

typedef void function(void);

#define ENTRY(id, name)                                                        \
	{                                                                      \
		(id), (function *)(name)                                       \
	}
#define END                                                                    \
	{                                                                      \
		0, NULL                                                        \
	}

/* ---- keys ---- */

struct remote_key {
	const char *type;     /* struct sign_scheme */
	EVP_PKEY *public_key; /* of OpenSSL's own provider */
	char *socket;         /* NULL: only to compare with */
	uint8_t key[SIGN_KEY_BYTES];
};

static void *
new_key(const char *type)
{
	struct remote_key *k = OPENSSL_zalloc(sizeof(*k));

	if (k != NULL)
		k->type = type;
	return k;
}

static void *
new_rsa(void *provider)
{
	(void)provider;
	return new_key("RSA");
}

static void *
new_ec(void *provider)
{
	(void)provider;
	return new_key("EC");
}

static void *
new_ed25519(void *provider)
{
	(void)provider;
	return new_key("ED25519");
}

static void
free_key(void *key)
{
	struct remote_key *k = key;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->public_key);
	OPENSSL_free(k->socket);
	OPENSSL_free(k);
}

static int
import_public(struct remote_key *k, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
	    NULL, k->type, LOCAL_PROPERTIES);
	int ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		 EVP_PKEY_fromdata(ctx, &k->public_key, EVP_PKEY_PUBLIC_KEY,
		     (OSSL_PARAM *)(uintptr_t)params) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static int
import(void *key, int selection, const OSSL_PARAM params[])
{
	struct remote_key *k = key;
	const OSSL_PARAM *socket = OSSL_PARAM_locate_const(
	    params, REMOTE_PARAM_SOCKET);
	const OSSL_PARAM *id = OSSL_PARAM_locate_const(
	    params, REMOTE_PARAM_KEY);
	void *at = k->key;
	size_t n;

	(void)selection;
	if (!import_public(k, params))
		return 0;
	return socket == NULL || id == NULL ||
	       (OSSL_PARAM_get_utf8_string(socket, &k->socket, 0) == 1 &&
		   OSSL_PARAM_get_octet_string(id, &at, sizeof(k->key), &n) ==
		       1 &&
		   n == sizeof(k->key));
}

static const OSSL_PARAM *
import_types(int selection)
{
	static const OSSL_PARAM types[] = {
	    OSSL_PARAM_utf8_string(REMOTE_PARAM_SOCKET, NULL, 0),
	    OSSL_PARAM_octet_string(REMOTE_PARAM_KEY, NULL, 0),
	    OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

/* The private half too, as far as OpenSSL has to know. */
static int
has(const void *key, int selection)
{
	const struct remote_key *k = key;

	(void)selection;
	return k->public_key != NULL;
}

static int
match(const void *one, const void *other, int selection)
{
	const struct remote_key *a = one, *b = other;

	(void)selection;
	return EVP_PKEY_eq(a->public_key, b->public_key) == 1;
}

static int
get_params(void *key, OSSL_PARAM params[])
{
	const struct remote_key *k = key;

	return EVP_PKEY_get_params(k->public_key, params);
}

static const OSSL_PARAM *
gettable_params(void *provider)
{
	static const OSSL_PARAM gettable[] = {
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
	    OSSL_PARAM_END,
	};

	(void)provider;
	return gettable;
}

static const char *
name_of_ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

#define KEY_FUNCTIONS                                                          \
	ENTRY(OSSL_FUNC_KEYMGMT_FREE, free_key),                               \
	    ENTRY(OSSL_FUNC_KEYMGMT_HAS, has),                                 \
	    ENTRY(OSSL_FUNC_KEYMGMT_MATCH, match),                             \
	    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, import),                           \
	    ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),               \
	    ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),                   \
	    ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_params)

static const OSSL_DISPATCH rsa_functions[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, new_rsa),
    KEY_FUNCTIONS,
    END,
};
static const OSSL_DISPATCH ec_functions[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, new_ec),
    ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, name_of_ec_operation),
    KEY_FUNCTIONS,
    END,
};
static const OSSL_DISPATCH ed25519_functions[] = {
    ENTRY(OSSL_FUNC_KEYMGMT_NEW, new_ed25519),
    KEY_FUNCTIONS,
    END,
};

/* ---- signatures ---- */

struct signing {
	const struct remote_key *key; /* OpenSSL holds it meanwhile */
	char digest[32];              /* "": the key's own */
	int is_pss;
};

static void *
new_signing(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return OPENSSL_zalloc(sizeof(struct signing));
}

static void
free_signing(void *signing)
{
	OPENSSL_free(signing);
}

/*
 * The padding comes as a word or a number. The salt of PSS always has the
 * digest's length.
 */
static int
set_params(void *signing, const OSSL_PARAM params[])
{
	struct signing *s = signing;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(
	    params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	const char *word;
	int number;

	if (p == NULL)
		return 1;
	if (p->data_type == OSSL_PARAM_INTEGER) {
		s->is_pss = OSSL_PARAM_get_int(p, &number) == 1 &&
			    number == RSA_PKCS1_PSS_PADDING;
		return 1;
	}
	if (OSSL_PARAM_get_utf8_string_ptr(p, &word) != 1)
		return 0;
	s->is_pss = strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	return 1;
}

static const OSSL_PARAM *
settable_params(void *signing, void *provider)
{
	static const OSSL_PARAM settable[] = {
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	    OSSL_PARAM_END,
	};

	(void)signing;
	(void)provider;
	return settable;
}

static int
begin(void *signing, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signing *s = signing;

	if (digest != NULL && strlen(digest) >= sizeof(s->digest))
		return 0;
	strcpy(s->digest, digest != NULL ? digest : "");
	s->key = key;
	return params == NULL || set_params(s, params);
}

/* The whole message comes in one piece: TLS has it so. */
static int
sign(void *signing, unsigned char *out, size_t *out_len, size_t size,
    const unsigned char *message, size_t len)
{
	const struct signing *s = signing;
	const struct sign_scheme *scheme = sign_scheme_of(
	    s->key->type, *s->digest != '\0' ? s->digest : NULL, s->is_pss);
	struct sign_request r = {.header = {KEYD_VERSION, KEYD_SIGN}};
	struct sign_answer a;
	struct failure f;

	if (out == NULL) {
		*out_len = (size_t)EVP_PKEY_get_size(s->key->public_key);
		return 1;
	}
	if (scheme == NULL || s->key->socket == NULL || len > sizeof(r.message))
		return 0;
	r.scheme = scheme->scheme;
	r.length = (uint32_t)len;
	memcpy(r.key, s->key->key, sizeof(r.key));
	memcpy(r.message, message, len);
	if (keyd_client_sign(s->key->socket, &r, &a, &f) == -1) {
		log_event(LOG_ERR, "no-signature", "keyd", s->key->socket,
		    "reason", f.text, NULL);
		return 0;
	}
	if (a.length > size)
		return 0;
	memcpy(out, a.signature, a.length);
	*out_len = a.length;
	return 1;
}

static const OSSL_DISPATCH signing_functions[] = {
    ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, new_signing),
    ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, free_signing),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, begin),
    ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
    ENTRY(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
    ENTRY(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable_params),
    END,
};

/* ---- the provider ---- */

#define ALGORITHM(name, functions)                                             \
	{                                                                      \
		(name), REMOTE_PROPERTIES, (functions), NULL                   \
	}
#define NO_ALGORITHM                                                           \
	{                                                                      \
		NULL, NULL, NULL, NULL                                         \
	}

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
	    ALGORITHM("RSA", rsa_functions),
	    ALGORITHM("EC", ec_functions),
	    ALGORITHM("ED25519", ed25519_functions),
	    NO_ALGORITHM,
	};
	static const OSSL_ALGORITHM signatures[] = {
	    ALGORITHM("RSA", signing_functions),
	    ALGORITHM("ECDSA", signing_functions),
	    ALGORITHM("ED25519", signing_functions),
	    NO_ALGORITHM,
	};

	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

int
remote_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH functions[] = {
	    ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	    END,
	};
	static int nothing;

	(void)handle;
	(void)in;
	*out = functions;
	*provider = &nothing;
	return 1;
}
