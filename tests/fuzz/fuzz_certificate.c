/*
 * The encodings of a certificate (broker/config/certificate.c): one that is
 * read has the forms of its twins, and is found by them.
 */
#include "config/certificate.h"
#include "fuzz.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certificate c, longer;
	struct identity whole;
	uint8_t *copy;

	if (certificate_read(&c, data, size) == -1) {
		MUST(errno == EINVAL);
		return 0;
	}
	MUST(c.forms >= 1 && c.forms <= CERTIFICATE_FORMS);
	MUST(EVP_Q_digest(
		 NULL, "SHA256", NULL, data, size, whole.sha256, NULL) == 1);
	MUST(memcmp(&c.fingerprints[0], &whole, sizeof(whole)) == 0);
	MUST(certificate_is(&c, &whole) && certificate_is(&c, &c.identity));
	/* nothing may be behind it */
	copy = malloc(size + 1);
	MUST(copy != NULL);
	memcpy(copy, data, size);
	copy[size] = 0;
	MUST(certificate_read(&longer, copy, size + 1) == -1);
	free(copy);
	return 0;
}
