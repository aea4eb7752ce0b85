/*
 * News of pairing: of which keys an agent is here, ready, parked or on its way,
 * for who tells other relays. What counts is how it is, not each event: a key
 * whose agents went and came again meanwhile is no news. Pure, as pairing.h.
 */
#ifndef PAIRING_NEWS_H
#define PAIRING_NEWS_H

#include "pairing.h"

/*
 * Somebody wants news, and knows nothing: every key that has an agent is some.
 * O(keys).
 */
void pairing_news_begin(struct pairing *table);

/* Nobody does any more. */
void pairing_news_end(struct pairing *table);

/* Whether there may be some. */
int pairing_news_any(const struct pairing *table);

/*
 * The first of them: sets *key, and *here to whether it has an agent now.
 * Returns 1, or 0 where there are none.
 */
int pairing_news_first(
    struct pairing *table, struct customer_key *key, int *here);

/* That was told. */
void pairing_news_take(struct pairing *table);

#endif
