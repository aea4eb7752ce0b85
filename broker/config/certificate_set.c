/* The certificates of who is here: see certificate_set.h. */
#include "config/certificate_set.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>

/* One certificate, found by the fingerprint that it came with. */
struct item {
	struct certificate certificate;
	unsigned taken;
	UT_hash_handle hh;
};

struct certificate_set {
	struct item *items;
};

struct certificate_set *
certificate_set_new(void)
{
	return calloc(1, sizeof(struct certificate_set));
}

void
certificate_set_free(struct certificate_set *set)
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

static struct item *
find(const struct certificate_set *set, const struct identity *fingerprint)
{
	struct item *item;

	HASH_FIND(hh, set->items, fingerprint, sizeof(*fingerprint), item);
	return item;
}

const struct certificate *
certificate_set_take(
    struct certificate_set *set, const struct identity *fingerprint)
{
	struct item *item = find(set, fingerprint);

	if (item == NULL)
		return NULL;
	item->taken++;
	return &item->certificate;
}

const struct certificate *
certificate_set_add(
    struct certificate_set *set, const struct certificate *certificate)
{
	struct item *item = find(set, &certificate->fingerprints[0]);

	if (item == NULL) {
		item = calloc(1, sizeof(*item));
		if (item == NULL)
			return NULL;
		item->certificate = *certificate;
		HASH_ADD(hh, set->items, certificate.fingerprints[0],
		    sizeof(struct identity), item);
		if (item->hh.tbl == NULL) {
			free(item);
			errno = ENOMEM;
			return NULL;
		}
	}
	item->taken++;
	return &item->certificate;
}

void
certificate_set_give_back(
    struct certificate_set *set, const struct certificate *certificate)
{
	struct item *item;

	if (certificate == NULL)
		return;
	item = find(set, &certificate->fingerprints[0]);
	if (item == NULL || --item->taken > 0)
		return;
	HASH_DEL(set->items, item);
	free(item);
}
