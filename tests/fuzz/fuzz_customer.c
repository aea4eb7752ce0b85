/*
 * X-Customer (broker/config/entitlement.c), as an agent reads it: only what the
 * relay would write itself for the same certificate is taken.
 */
#include "base/failure.h"
#include "config/entitlement.h"
#include "fuzz.h"

#include <string.h>

static const uint8_t der[] = "not a certificate";

static void
round_trip(const struct customer *customer)
{
	struct failure f;
	char text[CUSTOMER_TEXT_MAX];
	struct customer again;

	MUST(customer_format(customer, der, sizeof(der), text) == 0);
	MUST(customer_parse(&again, text, der, sizeof(der), &f) == 0);
	MUST(again.nusers == customer->nusers && again.type == customer->type &&
	     again.expire == customer->expire);
	/* another certificate's */
	MUST(customer_parse(&again, text, der, sizeof(der) - 1, &f) == -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct failure f;
	char expected[CUSTOMER_TEXT_MAX];
	struct customer customer;

	if (customer_parse(&customer, text, der, sizeof(der), &f) == 0) {
		MUST(customer_format(&customer, der, sizeof(der), expected) ==
		     0);
		MUST(strcmp(text, expected) == 0);
	}
	if (customer_read(&customer, text) == 0)
		round_trip(&customer);
	free(text);
	return 0;
}
