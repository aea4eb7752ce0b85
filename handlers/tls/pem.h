/*
 * Certificates, keys and CRLs from PEM files. Files are read whole and wiped,
 * so that no copy of a key stays in a stdio buffer.
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "base/failure.h"
#include "ipc/trust_bundle.h"
#include "tls/pem_text.h"

#include <openssl/x509.h>

/*
 * Each reads the file at path. The caller frees the result. NULL with a reason
 * in f: it cannot be opened, is no regular file, is larger than 1 MiB, or
 * holds no such thing.
 */

/* The first certificate; those after it go to *chain, which may be empty. */
X509 *pem_certificate(
    const char *path, STACK_OF(X509) * *chain, struct failure *f);

/* All certificates of the file, of which there is one at least. */
STACK_OF(X509) * pem_certificates(const char *path, struct failure *f);

/* A private key without a passphrase; group and other bits are refused. */
EVP_PKEY *pem_key(const char *path, struct failure *f);

/* The same; NULL for passphrase means that the key has none. */
EVP_PKEY *pem_key_encrypted(
    const char *path, const char *passphrase, struct failure *f);

/* The same, of a file that is in memory already. */
EVP_PKEY *pem_key_of(const struct pem_text *t, const char *path,
    const char *passphrase, struct failure *f);

/*
 * A store that trusts every certificate of the file ca, and checks every
 * certificate of a chain against the CRLs of the file crl unless that is NULL.
 */
X509_STORE *pem_store(const char *ca, const char *crl, struct failure *f);

/* The same, of files that are in memory already. */
X509_STORE *pem_store_of(const struct trust_bundle_file *ca,
    const struct trust_bundle_file *crl, struct failure *f);

/* The subjects of all certificates in the file, for a certificate request. */
STACK_OF(X509_NAME) * pem_names(const char *path, struct failure *f);

#endif
