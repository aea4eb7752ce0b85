/* The table of customers: see customers.h. */
#include "config/customers_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct section *
customers_add_section(struct customers *t, const char *name)
{
	struct section *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	snprintf(s->entry.name, sizeof(s->entry.name), "%s", name);
	s->entry.grant = entitlement_default;
	HASH_ADD_STR(t->by_name, entry.name, s);
	if (s->hh.tbl == NULL) {
		free(s);
		errno = ENOMEM;
		return NULL;
	}
	if (t->last != NULL)
		t->last->next = s;
	else
		t->first = s;
	t->last = s;
	t->count++;
	return s;
}

struct owner *
customers_find_owner(const struct customers *t, const struct identity *identity)
{
	struct owner *o;

	HASH_FIND(hh, t->owners, identity, sizeof(*identity), o);
	return o;
}

int
customers_add_owner(
    struct customers *t, struct section *s, const struct identity *id)
{
	struct owner *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return -1;
	o->identity = *id;
	o->section = s;
	HASH_ADD(hh, t->owners, identity, sizeof(o->identity), o);
	if (o->hh.tbl != NULL)
		return 0;
	free(o);
	errno = ENOMEM;
	return -1;
}

void
customers_free(struct customers *t)
{
	struct owner *o, *next_owner;
	struct section *s, *next;

	if (t == NULL)
		return;
	HASH_ITER(hh, t->owners, o, next_owner)
	{
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(t->owners, o);
		free(o);
	}
	HASH_CLEAR(hh, t->by_name);
	for (s = t->first; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
	free(t->at);
	free(t);
}

const struct customer_entry *
customers_find(const struct customers *t, const struct certificate *c)
{
	const struct owner *o = customers_find_owner(t, &c->identity);
	const struct identity *lowest = NULL;

	for (unsigned i = 0; o == NULL && i < c->forms; i++)
		if (customers_find_owner(t, &c->fingerprints[i]) != NULL &&
		    (lowest == NULL || memcmp(&c->fingerprints[i], lowest,
					   sizeof(*lowest)) < 0))
			lowest = &c->fingerprints[i];
	if (lowest != NULL)
		o = customers_find_owner(t, lowest);

	return o == NULL ? &t->first->entry : &o->section->entry;
}

const struct customer_entry *
customers_at(const struct customers *t, size_t i)
{
	return i < t->count ? &t->at[i]->entry : NULL;
}

void
customers_key(struct customer_key *key, const struct customer_entry *entry,
    const struct identity *identity)
{
	memset(key, 0, sizeof(*key));
	if (strcmp(entry->name, CUSTOMERS_DEFAULT) == 0)
		identity_hex(identity, key->text);
	else
		snprintf(key->text, sizeof(key->text), "%s", entry->name);
}
