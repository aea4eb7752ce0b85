/*
 * The provider(7ossl) of remote_key.h: keys whose public half is OpenSSL's own,
 * and signatures that relay-keyd(8) makes. OpenSSL exports no such key to
 * another provider, since there is no function to do it, and so signs here.
 */
#ifndef TLS_REMOTE_PROVIDER_H
#define TLS_REMOTE_PROVIDER_H

#include <openssl/core.h>

#define REMOTE_PROVIDER   "relay-keyd"
#define REMOTE_PROPERTIES "provider=" REMOTE_PROVIDER
#define LOCAL_PROPERTIES  "provider=default"

/* What a key is made of, beside its public half (EVP_PKEY_fromdata). */
#define REMOTE_PARAM_SOCKET "relay-keyd-socket" /* a string */
#define REMOTE_PARAM_KEY    "relay-keyd-key"    /* sign_key_of */

/* For OSSL_PROVIDER_add_builtin. */
extern OSSL_provider_init_fn remote_provider_init;

#endif
