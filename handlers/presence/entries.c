/* The customers that have agents here: see entries.h. */
#include "presence/entries.h"

#include <stdlib.h>

struct entry *
entries_find(const struct entries *entries, const struct customer_key *key)
{
	struct entry *e;

	HASH_FIND(hh, entries->all, key, sizeof(*key), e);
	return e;
}

struct entry *
entries_get(struct entries *entries, const struct customer_key *key)
{
	struct entry *e = entries_find(entries, key);

	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->key = *key;
	HASH_ADD(hh, entries->all, key, sizeof(e->key), e);
	if (e->hh.tbl != NULL)
		return e;
	free(e);
	return NULL;
}

void
entry_move(struct entry *e, struct entry_list *list)
{
	if (e->list != NULL)
		TAILQ_REMOVE(e->list, e, link);
	TAILQ_INSERT_TAIL(list, e, link);
	e->list = list;
}

void
entries_forget(struct entries *entries, struct entry *e)
{
	TAILQ_REMOVE(e->list, e, link);
	HASH_DEL(entries->all, e);
	free(e);
}

void
entries_free(struct entries *entries)
{
	struct entry *e, *next;

	HASH_ITER(hh, entries->all, e, next)
	{
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(entries->all, e);
		free(e);
	}
}
