/*
 * customers(5): who may use the relay, and for how much. A file of sections:
 *
 *	[default]
 *	allow = no
 *
 *	[alice]
 *	certificate = sha256:0123...
 *	nusers = 10
 *
 * becomes a table that finds a certificate's customer in O(1). Nothing here
 * does I/O but config_lines_read.
 */
#ifndef CONFIG_CUSTOMERS_H
#define CONFIG_CUSTOMERS_H

#include "base/failure.h"
#include "config/certificate.h"
#include "config/entitlement.h"
#include "config/identity.h"

#include <stddef.h>

/* The section for the certificates that no other section names. */
#define CUSTOMERS_DEFAULT "default"

struct customer_entry {
	char name[CUSTOMER_NAME_SIZE];
	struct entitlement grant;
};

struct customers;

/*
 * Reads the file at path; NULL means no file: everyone has the default. The
 * caller frees the table. Returns NULL with "file:line: reason" in f.
 */
struct customers *customers_read(const char *path, struct failure *f);

void customers_free(struct customers *table);

/* Whether a section may have this name. */
int customers_good_name(const char *name);

/*
 * Whose certificate it is: the default entry where no section names it, by its
 * identity or the fingerprint of any of its forms. Where two sections name two
 * of them, the choice is the same for all forms.
 */
const struct customer_entry *customers_find(
    const struct customers *table, const struct certificate *certificate);

/* Entries are numbered from 0, which is the default. NULL behind the last. */
const struct customer_entry *customers_at(
    const struct customers *table, size_t i);

/*
 * Who meets whom: all certificates of one customer meet each other, and one
 * that no section names meets itself.
 */
void customers_key(struct customer_key *key, const struct customer_entry *entry,
    const struct identity *identity);

#endif
