/* A private key that is not here: see remote_key.h. */
#include "tls/remote_key.h"
#include "tls/keyd_client.h"
#include "tls/remote_provider.h"
#include "tls/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <string.h>

/*
 * Makes the provider known, once. All that does not ask for it goes on to be
 * done by OpenSSL's own.
 */
static int
load_provider(void)
{
	static OSSL_PROVIDER *loaded;

	if (loaded != NULL)
		return 0;
	if (OSSL_PROVIDER_load(NULL, "default") == NULL ||
	    OSSL_PROVIDER_add_builtin(
		NULL, REMOTE_PROVIDER, remote_provider_init) != 1 ||
	    EVP_set_default_properties(NULL, "?" LOCAL_PROPERTIES) != 1)
		return -1;
	loaded = OSSL_PROVIDER_load(NULL, REMOTE_PROVIDER);
	return loaded == NULL ? -1 : 0;
}

static EVP_PKEY *
make_key(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
	    NULL, type, REMOTE_PROPERTIES);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *
remote_key_new(X509 *certificate, const char *socket, struct failure *f)
{
	const EVP_PKEY *public_key = X509_get0_pubkey(certificate);
	const char *type = public_key == NULL ? NULL : sign_type_of(public_key);
	uint8_t id[SIGN_KEY_BYTES];
	OSSL_PARAM own[] = {
	    OSSL_PARAM_utf8_string(
		REMOTE_PARAM_SOCKET, (void *)(uintptr_t)socket, strlen(socket)),
	    OSSL_PARAM_octet_string(REMOTE_PARAM_KEY, id, sizeof(id)),
	    OSSL_PARAM_END,
	};
	OSSL_PARAM *public_half = NULL, *all = NULL;
	EVP_PKEY *key = NULL;

	if (type == NULL)
		return failure_null(f, "the certificate's key is of no kind "
				       "that relay-keyd signs with");
	if (load_provider() == 0 && sign_key_of(certificate, id) == 0 &&
	    EVP_PKEY_todata(public_key, EVP_PKEY_PUBLIC_KEY, &public_half) == 1)
		all = OSSL_PARAM_merge(public_half, own);
	if (all != NULL)
		key = make_key(type, all);
	OSSL_PARAM_free(all);
	OSSL_PARAM_free(public_half);
	if (key == NULL)
		tls_error_text(f);
	return key;
}

/* ---- to try it ---- */

int
remote_key_try(const X509 *certificate, const char *socket, struct failure *f)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	const struct sign_scheme *scheme = key == NULL ? NULL
						       : sign_scheme_for(key);
	uint8_t hash[32];
	struct sign_request r;
	struct sign_answer a;

	if (scheme == NULL || RAND_bytes(hash, sizeof(hash)) != 1)
		return failure(f, "no request to sign can be made");
	sign_request_make(&r, scheme->scheme, SIGN_SERVER, hash, sizeof(hash));
	if (sign_key_of(certificate, r.key) == -1)
		return failure(f, "the certificate has no key");
	if (keyd_client_sign(socket, &r, &a, f) == -1)
		return -1;
	if (sign_verify(key, scheme, &r, a.signature, a.length))
		return 0;
	return failure(f, "relay-keyd has not signed with the key of the "
			  "certificate");
}
