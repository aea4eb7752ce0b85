/*
 * The inside of the table of customers, which its two files share: customers.c
 * looks things up, customers_file.c reads them in.
 */
#ifndef CONFIG_CUSTOMERS_TABLE_H
#define CONFIG_CUSTOMERS_TABLE_H

#include "base/hash.h"
#include "config/customers.h"

/* What a section has said; the rest comes from the default. */
enum {
	SAID_NUSERS = 1,
	SAID_TYPE = 2,
	SAID_EXPIRE = 4,
	SAID_MAX_AGENTS = 8,
	SAID_ALLOW = 16
};

struct section {
	struct customer_entry entry;
	unsigned said;
	struct section *next; /* in the file's order */
	UT_hash_handle hh;    /* by name */
};

struct owner {
	struct identity identity;
	struct section *section;
	UT_hash_handle hh;
};

struct customers {
	struct section *first, *last; /* first: the default */
	struct section *by_name;
	struct owner *owners;
	size_t count;
	struct section **at; /* count of them */
};

/* Adds an empty section behind the others. Returns NULL with errno. */
struct section *customers_add_section(struct customers *t, const char *name);

/* Who has the certificate, or NULL. */
struct owner *customers_find_owner(
    const struct customers *t, const struct identity *identity);

/* Gives s the certificate, which nobody has. Returns 0, or -1 with errno. */
int customers_add_owner(
    struct customers *t, struct section *s, const struct identity *id);

#endif
