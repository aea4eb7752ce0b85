/*
 * News of pairing, for who tells other relays: of which keys an agent is here,
 * ready, parked or on its way, and how many of nusers are taken here. What
 * counts is how it is, not each event: a key whose agents went and came again
 * meanwhile is no news. Pure, as pairing.h.
 */
#ifndef PAIRING_NEWS_H
#define PAIRING_NEWS_H

#include "pairing.h"

struct pairing_news {
	struct customer_key key;
	int here;      /* it has an agent now */
	uint32_t held; /* slots taken, by sessions and by stones that wait */
};

/*
 * Somebody wants news, and knows nothing: every key that has something is some,
 * once pairing_news_walk has come by it.
 */
void pairing_news_begin(struct pairing *table);

/* From now on no key has an agent, for who takes news. For pairing_news_walk.
 */
void pairing_news_close(struct pairing *table);

/* Nobody wants them any more. */
void pairing_news_end(struct pairing *table);

/*
 * Looks at some keys, of all that there are. Returns whether more are left.
 * O(1), that no pairing waits for it.
 */
int pairing_news_walk(struct pairing *table);

/* Whether there may be some. */
int pairing_news_any(const struct pairing *table);

/* Sets *news to the first of them. Returns 1, or 0 where there are none. */
int pairing_news_first(struct pairing *table, struct pairing_news *news);

/* That was told. */
void pairing_news_take(struct pairing *table);

#endif
