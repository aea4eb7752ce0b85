/* News of pairing: see pairing_news.h. */
#include "pairing_news.h"
#include "party.h"

#include <stdlib.h>

#define SLICE 128 /* keys of one walk */

static int
is_here(const struct pairing *table, const struct party *party)
{
	return party->nagents > 0 && !table->closed;
}

uint32_t
party_held(const struct party *party)
{
	return party->nsessions + party->nstones - party->nforwarded;
}

/* Whether it is otherwise than was told. */
static int
has_changed(const struct pairing *table, const struct party *party)
{
	const int known = party->told_in == table->round;

	return is_here(table, party) != (known && party->told_here) ||
	       party_held(party) != (known ? party->told_held : 0);
}

void
party_note(struct pairing *table, struct party *party)
{
	if (!table->tells || party->is_news || !has_changed(table, party))
		return;
	party->is_news = 1;
	STAILQ_INSERT_TAIL(&table->news, party, news);
}

void
party_told_held(struct pairing *table, struct party *party)
{
	if (party->told_in != table->round)
		party->told_here = 0;
	party->told_in = table->round;
	party->told_held = party_held(party);
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
	table->tells = 1;
	table->round++;
	table->walk = table->parties;
}

void
pairing_news_close(struct pairing *table)
{
	table->closed = 1;
	if (table->tells)
		table->walk = table->parties;
}

void
pairing_news_end(struct pairing *table)
{
	table->tells = 0;
	table->walk = NULL;
	while (!STAILQ_EMPTY(&table->news))
		drop_first(table);
}

int
pairing_news_walk(struct pairing *table)
{
	for (int i = 0; i < SLICE && table->walk != NULL; i++) {
		struct party *party = table->walk;

		table->walk = party->hh.next;
		party_note(table, party);
	}
	return table->walk != NULL;
}

int
pairing_news_any(const struct pairing *table)
{
	return table->walk != NULL || !STAILQ_EMPTY(&table->news);
}

int
pairing_news_first(struct pairing *table, struct pairing_news *news)
{
	const struct party *party;

	while ((party = STAILQ_FIRST(&table->news)) != NULL) {
		if (has_changed(table, party)) {
			news->key = party->key;
			news->here = is_here(table, party);
			news->held = party_held(party);
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

	party->told_here = (uint8_t)is_here(table, party);
	party->told_held = party_held(party);
	party->told_in = table->round;
	drop_first(table);
}
