/*
 * A private key that is not here: OpenSSL takes it for one, and has
 * relay-keyd(8) sign. It is a key of a provider(7ossl) of our own, built in.
 */
#ifndef TLS_REMOTE_KEY_H
#define TLS_REMOTE_KEY_H

#include "base/failure.h"

#include <openssl/x509.h>

/*
 * The key of the certificate, which the relay-keyd at socket has: RSA, on an
 * elliptic curve, or Ed25519. Does not ask for it yet. Each signature that
 * relay-keyd does not make is logged. Returns a key that the caller frees, or
 * NULL with the reason in f.
 */
EVP_PKEY *remote_key_new(
    X509 *certificate, const char *socket, struct failure *f);

/*
 * Whether relay-keyd signs for the certificate: has it sign a handshake that
 * nobody makes, and verifies that. Returns 0, or -1 with the reason in f.
 */
int remote_key_try(
    const X509 *certificate, const char *socket, struct failure *f);

#endif
