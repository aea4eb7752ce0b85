/* What a certificate's owner is entitled to: see entitlement.h. */
#include "config/entitlement.h"
#include "base/hex.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST       "&digest="
#define DIGEST_BYTES 16

/* 4294967295, the last 32-bit Unix time, is "never" to any agent. */
const struct entitlement entitlement_default = {
    .customer =
	{
	    .nusers = 256,
	    .type = CUSTOMER_FORWARD | CUSTOMER_WEB,
	    .expire = UINT32_MAX,
	},
    .max_agents = 1024,
    .allow = 1,
};

static int
digest_hex(const char *text, size_t textlen, const uint8_t *der, size_t len,
    char hex[static 2 * DIGEST_BYTES + 1])
{
	uint8_t md[EVP_MAX_MD_SIZE], *whole = malloc(textlen + len);
	int ok;

	if (whole == NULL)
		return -1;
	memcpy(whole, text, textlen);
	memcpy(whole + textlen, der, len);
	ok = EVP_Digest(whole, textlen + len, md, NULL, EVP_sha256(), NULL);
	free(whole);
	if (!ok)
		return -1;
	hex_write(hex, md, DIGEST_BYTES);
	return 0;
}

/* What the digest is over. Returns its length. */
static int
format_terms(
    const struct customer *customer, char text[static CUSTOMER_TEXT_MAX])
{
	return snprintf(text, CUSTOMER_TEXT_MAX,
	    "nusers=%" PRIu32 "&type=%" PRIu32 "&expire=%" PRIu64,
	    customer->nusers, customer->type, customer->expire);
}

const char *
customer_type_word(uint32_t type)
{
	static const char *const words[] = {"none", "forward", "web", "both"};

	return words[type & 3];
}

int
customer_format(const struct customer *customer, const uint8_t *der, size_t len,
    char text[static CUSTOMER_TEXT_MAX])
{
	char hex[2 * DIGEST_BYTES + 1];
	int n = format_terms(customer, text);

	if (digest_hex(text, (size_t)n, der, len, hex) == -1)
		return -1;
	snprintf(text + n, CUSTOMER_TEXT_MAX - (size_t)n, DIGEST "%s", hex);
	return 0;
}

int
customer_read(struct customer *customer, const char *text)
{
	char terms[CUSTOMER_TEXT_MAX];
	int n;

	if (sscanf(text,
		"nusers=%9" SCNu32 "&type=%9" SCNu32 "&expire=%18" SCNu64,
		&customer->nusers, &customer->type, &customer->expire) != 3)
		return -1;
	/* scanf takes signs and spaces too */
	n = format_terms(customer, terms);
	return strncmp(text, terms, (size_t)n) == 0 &&
		       strncmp(text + n, DIGEST, strlen(DIGEST)) == 0
		   ? 0
		   : -1;
}

int
customer_parse(struct customer *customer, const char *text, const uint8_t *der,
    size_t len, struct failure *f)
{
	char expected[CUSTOMER_TEXT_MAX];

	/* what was read must format to the same text, digest and all */
	if (customer_read(customer, text) == -1)
		return failure(f, "X-Customer is not of the known form");
	if (customer_format(customer, der, len, expected) == -1 ||
	    strcmp(text, expected) != 0)
		return failure(
		    f, "X-Customer's digest does not fit this certificate");
	return 0;
}
