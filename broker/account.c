/* Accounts: see account.h. */
#include "account.h"
#include "base/container.h"
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
	struct account account;
	UT_hash_handle hh;
};

struct accounts {
	struct item *items; /* uthash keeps the order they came in */
};

struct accounts *
accounts_new(void)
{
	return calloc(1, sizeof(struct accounts));
}

void
accounts_free(struct accounts *set)
{
	struct item *item, *next;

	if (set == NULL)
		return;
	HASH_ITER(hh, set->items, item, next)
	{
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(set->items, item);
		free(item);
	}
	free(set);
}

struct account *
accounts_get(struct accounts *set, const char *name)
{
	struct item *item;

	HASH_FIND_STR(set->items, name, item);
	if (item != NULL)
		return &item->account;
	item = calloc(1, sizeof(*item));
	if (item == NULL)
		return NULL;
	snprintf(item->account.name, sizeof(item->account.name), "%s", name);
	HASH_ADD_STR(set->items, account.name, item);
	if (item->hh.tbl == NULL) {
		free(item);
		errno = ENOMEM;
		return NULL;
	}
	return &item->account;
}

int
accounts_bind(struct accounts *set, const struct customers *table)
{
	const struct customer_entry *entry;
	struct account *account;

	/* what can fail comes first: it is done in full or not at all */
	for (size_t i = 0; (entry = customers_at(table, i)) != NULL; i++)
		if (accounts_get(set, entry->name) == NULL)
			return -1;
	for (struct item *item = set->items; item != NULL; item = item->hh.next)
		item->account.entry = NULL;
	for (size_t i = 0; (entry = customers_at(table, i)) != NULL; i++) {
		account = accounts_get(set, entry->name);
		if (account != NULL)
			account->entry = entry;
	}
	return 0;
}

struct account *
accounts_next(const struct accounts *set, const struct account *previous)
{
	struct item *item = set->items;

	if (previous != NULL)
		item = CONTAINER_OF(previous, struct item, account)->hh.next;
	return item == NULL ? NULL : &item->account;
}

void
account_row(const struct account *a, struct row_customer *row)
{
	*row = (struct row_customer){
	    .present = a->entry != NULL,
	    .agents = a->agents,
	    .stones = a->stones,
	    .sessions = a->sessions,
	    .sessions_total = a->sessions_total,
	    .refused_total = a->refused_total,
	    .up_total = a->up_total,
	    .down_total = a->down_total,
	};
	memcpy(row->name, a->name, sizeof(row->name));
	if (a->entry == NULL)
		return;
	row->nusers = a->entry->grant.customer.nusers;
	row->type = a->entry->grant.customer.type;
	row->expire = a->entry->grant.customer.expire;
	row->max_agents = a->entry->grant.max_agents;
	row->allow = (uint32_t)a->entry->grant.allow;
}
