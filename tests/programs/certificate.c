/*
 * certificate: reads a certificate in DER from standard input, and prints its
 * identity and the fingerprints of its forms, a line each, or "refused".
 */
#include "config/certificate.h"

#include <stdio.h>

int
main(void)
{
	static uint8_t der[65536];
	struct certificate c;
	char hex[IDENTITY_HEX_SIZE];

	if (certificate_read(&c, der, fread(der, 1, sizeof(der), stdin)) ==
	    -1) {
		puts("refused");
		return 0;
	}
	identity_hex(&c.identity, hex);
	puts(hex);
	for (unsigned i = 0; i < c.forms; i++) {
		identity_hex(&c.fingerprints[i], hex);
		puts(hex);
	}
	return 0;
}
