/*
 * Who has signed a handshake: its two CertificateVerify, by the keys of the
 * certificates in it (RFC 8446 4.4.3).
 */
#ifndef KEYD_SIGNER_H
#define KEYD_SIGNER_H

#include "tls/transcript.h"

#include <openssl/x509.h>

/*
 * The certificate in der, all len bytes of it. The caller frees it. NULL where
 * it is none.
 */
X509 *signer_certificate(const uint8_t *der, size_t len);

/* Whether the server has signed with the key of leaf. Returns 1, or 0. */
int signer_check_server(const X509 *leaf, const struct transcript_parts *p);

/*
 * Whether the client has, with the key of its certificate. Returns NULL, or why
 * not, a static string.
 */
const char *signer_check_client(const struct transcript_parts *p);

#endif
