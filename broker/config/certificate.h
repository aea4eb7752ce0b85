/*
 * The encodings of one certificate. An ECDSA signature (r, s) is as valid as
 * (r, n - s), and a parser may be lenient with what is outside of the signed
 * part: so whoever has a certificate can make others of it, with other
 * fingerprints, without the authority's key. What is signed they cannot change.
 *
 * Anything but strict DER (X.690) is refused, and the fingerprints of all
 * forms that are left are known. RSA and EdDSA signatures have one valid form,
 * which OpenSSL sees to: a number below the modulus (RFC 8017 8.2.2), an S
 * below the order (RFC 8032 5.1.7).
 */
#ifndef CONFIG_CERTIFICATE_H
#define CONFIG_CERTIFICATE_H

#include "config/identity.h"

/* As it came, and with n - s, n being the order of P-256, P-384 or P-521. */
#define CERTIFICATE_FORMS 4

struct certificate {
	struct identity identity;
	/* SHA-256 of the whole DER, as openssl-x509(1) prints it */
	struct identity fingerprints[CERTIFICATE_FORMS];
	unsigned forms;
};

/*
 * Reads the certificate in der. Returns 0, or -1 with errno: EINVAL where it
 * is not strict DER, its two names of the signature's algorithm differ, or
 * something is behind it; ENOMEM.
 */
int certificate_read(struct certificate *c, const uint8_t *der, size_t len);

/*
 * The SHA-256 of all of der, whatever it is. Returns 0, or -1 with errno
 * (ENOMEM).
 */
int certificate_fingerprint(
    struct identity *fingerprint, const uint8_t *der, size_t len);

/* Whether id is its identity, or the fingerprint of any of its forms. */
int certificate_is(const struct certificate *c, const struct identity *id);

#endif
