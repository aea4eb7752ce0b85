/* Who a certificate is: see identity.h. */
#include "identity.h"

#include <openssl/evp.h>
#include <stdio.h>

int
identity_of_der(struct identity *id, const uint8_t *der, size_t len)
{
	return EVP_Q_digest(NULL, "SHA256", NULL, der, len, id->sha256, NULL) ==
		       1
		   ? 0
		   : -1;
}

void
identity_hex(const struct identity *id, char hex[static IDENTITY_HEX_SIZE])
{
	for (size_t i = 0; i < IDENTITY_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", id->sha256[i]);
}
