/*
 * Accounts: what the broker counts of each customer. An account stays until
 * the broker ends, so that its counters only grow, whatever becomes of the
 * customer's section in the file.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "config/customers.h"
#include "ipc/admin_rows.h"

#include <stdint.h>

struct account {
	char name[CUSTOMER_NAME_SIZE];
	const struct customer_entry *entry; /* NULL: not in the file now */
	uint32_t agents, stones;            /* waiting */
	uint32_t sessions;
	uint64_t sessions_total;
	uint64_t refused_total;
	uint64_t up_total, down_total; /* bytes from, to stones */
	int64_t viewed; /* when its page may be asked for again */
};

struct accounts;

/* Returns an empty set for accounts_free, or NULL with errno. */
struct accounts *accounts_new(void);
void accounts_free(struct accounts *set);

/* The account of that name, made where it is missing; NULL with errno. */
struct account *accounts_get(struct accounts *set, const char *name);

/*
 * Points every account to its entry of table, which must outlive that, and
 * makes those that are missing. Returns 0, or -1 with errno.
 */
int accounts_bind(struct accounts *set, const struct customers *table);

/* The account behind previous, or the first where that is NULL. */
struct account *accounts_next(
    const struct accounts *set, const struct account *previous);

/* Fills in what an administrator is told of it. */
void account_row(const struct account *account, struct row_customer *row);

#endif
