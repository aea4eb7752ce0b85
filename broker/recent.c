/* What the broker remembers of refusals: see recent.h. */
#include "recent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct entry {
	uint64_t number; /* of the last time, among all that were added */
	struct row_refusal row;
	TAILQ_ENTRY(entry) link;
};

TAILQ_HEAD(list, entry);

struct recent {
	uint64_t added;
	size_t used; /* of entries */
	struct list newest_first;
	struct entry entries[RECENT_MAX];
};

struct recent *
recent_new(void)
{
	struct recent *recent = calloc(1, sizeof(*recent));

	if (recent != NULL)
		TAILQ_INIT(&recent->newest_first);
	return recent;
}

void
recent_free(struct recent *recent)
{
	free(recent);
}

/* Whether both are of one host: their ports may differ. */
static int
same_host(const char *a, const char *b)
{
	const char *end_a = strrchr(a, ':'), *end_b = strrchr(b, ':');

	if (end_a == NULL || end_b == NULL)
		return strcmp(a, b) == 0;
	return end_a - a == end_b - b && memcmp(a, b, (size_t)(end_a - a)) == 0;
}

static int
same(const struct row_refusal *a, const struct row_refusal *b)
{
	return a->kind == b->kind && a->status == b->status &&
	       memcmp(&a->identity, &b->identity, sizeof(a->identity)) == 0 &&
	       same_host(a->peer, b->peer) &&
	       strcmp(a->reason, b->reason) == 0 &&
	       strcmp(a->customer, b->customer) == 0;
}

/* That of an earlier one which is the same, or one that may be overwritten. */
static struct entry *
place_for(struct recent *recent, const struct row_refusal *row)
{
	struct entry *e;

	TAILQ_FOREACH(e, &recent->newest_first, link)
	if (same(&e->row, row))
		return e;
	if (recent->used < RECENT_MAX) {
		e = &recent->entries[recent->used++];
		TAILQ_INSERT_TAIL(&recent->newest_first, e, link);
		return e;
	}
	e = TAILQ_LAST(&recent->newest_first, list);
	e->row.times = 0;
	return e;
}

void
recent_add(struct recent *recent, const struct row_refusal *row)
{
	struct entry *e = place_for(recent, row);
	uint32_t times = e->row.times;

	TAILQ_REMOVE(&recent->newest_first, e, link);
	TAILQ_INSERT_HEAD(&recent->newest_first, e, link);
	e->number = recent->added++;
	e->row = *row;
	e->row.times = times < UINT32_MAX ? times + 1 : times;
}

const struct row_refusal *
recent_next(const struct recent *recent, uint64_t *before)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &recent->newest_first, link)
	if (e->number < *before) {
		*before = e->number;
		return &e->row;
	}
	return NULL;
}
