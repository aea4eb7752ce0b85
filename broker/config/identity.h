/*
 * Who a certificate is: the SHA-256 of what its authority has signed, its
 * TBSCertificate (RFC 5280 4.1), which all its valid encodings have in common
 * (certificate.h). The relay pairs on nothing else.
 */
#ifndef CONFIG_IDENTITY_H
#define CONFIG_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#define IDENTITY_BYTES    32
#define IDENTITY_HEX_SIZE (2 * IDENTITY_BYTES + 1)

struct identity {
	uint8_t sha256[IDENTITY_BYTES];
};

/* Writes id in lower-case hex, as sha256sum(1) would. */
void identity_hex(
    const struct identity *id, char hex[static IDENTITY_HEX_SIZE]);

/*
 * Reads the 64 hex digits in text, with "sha256:" before them or not, with
 * colons between the bytes or not. Returns 0 or -1.
 */
int identity_parse(struct identity *id, const char *text);

#endif
