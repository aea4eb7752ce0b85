/*
 * Which certificates a list of revoked ones names, for who has no certificate
 * any more but its number: 8 bytes for each. That says enough to have somebody
 * prove anew who it is, and never that somebody is good.
 */
#ifndef CONFIG_REVOCATION_H
#define CONFIG_REVOCATION_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

/* A number for what the authority issuer has given the number serial. Not 0. */
uint64_t revocation_key(const X509_NAME *issuer, const ASN1_INTEGER *serial);

/* The keys of the revoked, in order; all zero: none. */
struct revocations {
	uint64_t *keys;
	size_t n, room;
};

/*
 * Reads all lists in the len bytes of PEM (RFC 5280 5, RFC 7468) into *r, for
 * revocations_free; their signatures are not looked at. Returns 0, or -1
 * without memory, and *r is empty.
 */
int revocations_read(
    struct revocations *r, const unsigned char *pem, size_t len);

/* Whether key is among them. */
int revocations_have(const struct revocations *r, uint64_t key);

void revocations_free(struct revocations *r);

#endif
