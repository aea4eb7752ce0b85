/*
 * customers(5) (broker/config/customers_file.c, config/customers.c,
 * base/timestamp.c, config/identity.c): a table in which each entry is within
 * its bounds, or a reason.
 */
#include "base/failure.h"
#include "base/timestamp.h"
#include "config/customers.h"
#include "fuzz.h"

#include <string.h>

static void
check_entry(const struct customer_entry *e)
{
	char text[WHEN_TEXT_SIZE];
	uint64_t again;

	MUST(customers_good_name(e->name));
	MUST(strlen(e->name) <= CUSTOMER_NAME_MAX);
	MUST(e->grant.customer.nusers <= 999999);
	MUST(e->grant.customer.type <= (CUSTOMER_FORWARD | CUSTOMER_WEB));
	MUST(e->grant.customer.expire <= WHEN_MAX);
	timestamp_format(e->grant.customer.expire, text);
	MUST(timestamp_parse(&again, text) == 0 &&
	     again == e->grant.customer.expire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct certificate nobodys = {
	    .identity = {{0xaa}}, .fingerprints = {{{0xbb}}}, .forms = 1};
	const char *path = fuzz_file(data, size);
	const struct customer_entry *e;
	struct customers *table;
	struct customer_key key;
	struct failure f = {.text = ""};
	char text[WHEN_TEXT_SIZE];

	timestamp_format(UINT64_MAX, text);
	MUST(strcmp(text, "9999-12-31T23:59:59Z") == 0);
	customers_free(customers_read(NULL, &f));
	table = customers_read(path, &f);
	if (table == NULL) {
		MUST(strncmp(f.text, path, strlen(path)) == 0);
		return 0;
	}
	for (size_t i = 0; (e = customers_at(table, i)) != NULL; i++)
		check_entry(e);
	e = customers_find(table, &nobodys);
	customers_key(&key, e, &nobodys.identity);
	MUST(strlen(key.text) < sizeof(key.text));
	customers_free(table);
	return 0;
}
