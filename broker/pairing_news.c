/* News of pairing: see pairing_news.h. */
#include "pairing_news.h"
#include "party.h"

#include <stdlib.h>

static int
is_here(const struct party *party)
{
	return party->nagents > 0;
}

void
party_note(struct pairing *table, struct party *party)
{
	if (!table->tells || party->is_news || is_here(party) == party->told)
		return;
	party->is_news = 1;
	STAILQ_INSERT_TAIL(&table->news, party, news);
}

static void
drop_first(struct pairing *table)
{
	struct party *party = STAILQ_FIRST(&table->news);

	STAILQ_REMOVE_HEAD(&table->news, news);
	party->is_news = 0;
	party_remove_if_empty(table, party);
}

void
pairing_news_begin(struct pairing *table)
{
	struct party *party, *next;

	pairing_news_end(table);
	table->tells = 1;
	HASH_ITER(hh, table->parties, party, next)
	{
		party->told = 0;
		party_note(table, party);
	}
}

void
pairing_news_end(struct pairing *table)
{
	table->tells = 0;
	while (!STAILQ_EMPTY(&table->news))
		drop_first(table);
}

int
pairing_news_any(const struct pairing *table)
{
	return !STAILQ_EMPTY(&table->news);
}

int
pairing_news_first(struct pairing *table, struct customer_key *key, int *here)
{
	const struct party *party;

	while ((party = STAILQ_FIRST(&table->news)) != NULL) {
		if (is_here(party) != party->told) {
			*key = party->key;
			*here = is_here(party);
			return 1;
		}
		drop_first(table);
	}
	return 0;
}

void
pairing_news_take(struct pairing *table)
{
	struct party *party = STAILQ_FIRST(&table->news);

	party->told = (uint8_t)is_here(party);
	drop_first(table);
}
