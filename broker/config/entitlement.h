/*
 * What a certificate's owner is entitled to, and the X-Customer value that
 * tells the agent so:
 *
 *	nusers=10&type=3&expire=1262271599&digest=<32 hex>
 *
 * digest is the first 128 bits of SHA-256 over the text before "&digest="
 * followed by the leaf certificate's DER: a tampered or mixed-up entitlement
 * shows.
 */
#ifndef CONFIG_ENTITLEMENT_H
#define CONFIG_ENTITLEMENT_H

#include "base/failure.h"

#include <stddef.h>
#include <stdint.h>

#define CUSTOMER_TEXT_MAX 128 /* an X-Customer value and its NUL */

/*
 * Room for a customer's name (CUSTOMER_NAME_MAX characters) or, for a
 * certificate that no customer has, the 64 hex digits of its identity. The two
 * cannot be mixed up: a name is shorter. A multiple of 8, so that structs that
 * hold one have no gaps.
 */
#define CUSTOMER_NAME_MAX  63
#define CUSTOMER_NAME_SIZE 72

enum { CUSTOMER_FORWARD = 1, CUSTOMER_WEB = 2 }; /* bits of type */

struct customer {
	uint32_t nusers; /* concurrent stone sessions */
	uint32_t type;
	uint64_t expire; /* Unix time; no session starts or lives from it on */
};

/* What a type allows, in a word: "forward", "web", "both" or "none". */
const char *customer_type_word(uint32_t type);

/* What the relay grants: the above, and what the agent isn't told. */
struct entitlement {
	struct customer customer;
	uint32_t max_agents; /* polls that wait at once */
	int allow;           /* 0: no poll and no session at all */
};

/* Who meets whom: zero-padded, so that it can be a hash's key. */
struct customer_key {
	char text[CUSTOMER_NAME_SIZE];
};

/* The entitlement of a certificate that nothing is said about. */
extern const struct entitlement entitlement_default;

/*
 * Writes the X-Customer value for the certificate in der. Returns 0 or -1.
 */
int customer_format(const struct customer *customer, const uint8_t *der,
    size_t len, char text[static CUSTOMER_TEXT_MAX]);

/*
 * Reads the X-Customer value text into *customer and leaves its digest
 * unchecked. Returns 0 or -1.
 */
int customer_read(struct customer *customer, const char *text);

/*
 * Reads the X-Customer value text into *customer and checks its digest against
 * the certificate in der. Returns 0, or -1 with a reason in f.
 */
int customer_parse(struct customer *customer, const char *text,
    const uint8_t *der, size_t len, struct failure *f);

#endif
