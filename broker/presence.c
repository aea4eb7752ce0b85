/*
 * Which agents and sessions are here: relay-presence is told, for other relays.
 * See state.h. It learns how it is, not each event, in packets of many keys,
 * and no more than its socket takes at once: no pairing waits for it.
 */
#include "base/deadline.h"
#include "pairing_news.h"
#include "state.h"

#include <errno.h>
#include <stdlib.h>

/* Milliseconds. */
#define NEWS_MS    50 /* who goes and comes again within that is no news */
#define BLOCKED_MS 10 /* it has not read yet */

void
presence_attach(struct broker *b, struct conn *c)
{
	if (b->presence.conn != NULL)
		presence_detach(b);
	b->presence.rows = calloc(1, sizeof(*b->presence.rows));
	if (b->presence.rows == NULL) {
		conn_drop(b, c);
		return;
	}
	b->presence.conn = c;
	b->presence.all_told = 0;
	b->presence.next = deadline_now();
	b->totals.presence = (uint32_t)c->who.pid;
	pairing_news_begin(b->pairing);
	reach_again(b);
}

void
presence_detach(struct broker *b)
{
	b->presence.conn = NULL;
	b->totals.presence = b->totals.store_up = 0;
	free(b->presence.rows);
	b->presence.rows = NULL;
	pairing_news_end(b->pairing);
	quota_end(b);
	reach_again(b);
}

int
presence_take(struct broker *b, struct conn *c, const struct message *m)
{
	const struct message_store *s = &m->u.store;

	if (c != b->presence.conn) {
		errno = EPROTO;
		return -1;
	}
	if (m->type == MESSAGE_ANSWER) {
		reach_answer(b, &m->u.answer);
		return 0;
	}
	if (m->type == MESSAGE_ADMITTED) {
		quota_answer(b, &m->u.admitted);
		return 0;
	}
	b->totals.store_up = s->up != 0;
	b->totals.published = s->published;
	b->totals.lookups_total = s->lookups_total;
	b->totals.lookup_failures_total = s->lookup_failures_total;
	return 0;
}

/* Puts as much into one packet as it takes. Returns whether that is all. */
static int
fill(struct broker *b)
{
	struct message m = {.type = MESSAGE_PARTY};
	struct pairing_news news;

	while (pairing_news_first(b->pairing, &news)) {
		m.u.party.key = news.key;
		m.u.party.here = (uint32_t)news.here;
		m.u.party.held = news.held;
		if (wire_rows_add(b->presence.rows, &m) == -1)
			return 0;
		pairing_news_take(b->pairing);
	}
	return 1;
}

/* Returns 0, or -1 where it is not taken now. */
static int
tell_news(struct broker *b)
{
	static const struct message end = {.type = MESSAGE_ALL_TOLD};
	struct conn *c = b->presence.conn;
	const int more = pairing_news_walk(b->pairing);
	const int all = fill(b) && !more;

	b->presence.next = all ? deadline_in(NEWS_MS) : deadline_now();
	if (wire_rows_send(c->fd, b->presence.rows) == -1) {
		if (errno == EAGAIN)
			b->presence.next = deadline_in(BLOCKED_MS);
		else
			conn_drop(b, c);
		return -1;
	}
	if (!all || b->presence.all_told)
		return 0;
	b->presence.all_told = 1;
	return conn_tell(b, c, &end, NULL);
}

static int
has_news(const struct broker *b)
{
	return b->presence.conn != NULL &&
	       (!b->presence.all_told || b->presence.rows->len > 0 ||
		   pairing_news_any(b->pairing));
}

int64_t
presence_due(const struct broker *b)
{
	return deadline_first(deadline_first(reach_due(b), quota_due(b)),
	    has_news(b) ? b->presence.next : DEADLINE_NONE);
}

void
presence_turn(struct broker *b)
{
	reach_turn(b);
	quota_turn(b);
	if (has_news(b) && deadline_left(b->presence.next) == 0)
		tell_news(b);
}

void
presence_drain(struct broker *b)
{
	pairing_news_close(b->pairing);
	b->presence.next = deadline_now();
}

void
presence_end(struct broker *b)
{
	while (has_news(b) && tell_news(b) == 0)
		;
}
