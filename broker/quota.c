/*
 * Whether a stone is within its customer's nusers at all relays together:
 * relay-presence asks the store. Where that does not say so in time, this relay
 * counts for itself. See state.h.
 */
#include "base/deadline.h"
#include "state.h"

/* Milliseconds. */
#define ANSWER_MS 250  /* relay-presence itself gives the store 200 */
#define SILENT_MS 1000 /* who did not answer is not asked within that */

int
quota_ask(struct broker *b, struct conn *c, uint32_t limit)
{
	struct message m = {.type = MESSAGE_ADMIT};

	if (b->presence.conn == NULL || !b->totals.store_up ||
	    deadline_left(b->presence.silent_until) > 0 ||
	    c->waiter.role != ROLE_STONE || c->waiter.forwarded)
		return 0;
	m.u.admit.id = c->id;
	m.u.admit.limit = limit;
	m.u.admit.key = *pairing_key(&c->waiter);
	m.u.admit.held = pairing_hold(b->pairing, &c->waiter);
	c->quota_by = deadline_in(ANSWER_MS);
	TAILQ_INSERT_TAIL(&b->presence.admits, c, quota);
	conn_tell(b, b->presence.conn, &m, NULL);
	return 1;
}

void
quota_forget(struct broker *b, struct conn *c)
{
	if (c->quota_by != 0)
		TAILQ_REMOVE(&b->presence.admits, c, quota);
	c->quota_by = 0;
}

/* It waits as any other, if it still does. */
static void
let_in(struct broker *b, struct conn *c)
{
	quota_forget(b, c);
	if (c->waiter.state != WAITER_HELD)
		return;
	pairing_release(&c->waiter);
	joining_match(b, c);
	reach_begin(b, c);
}

void
quota_answer(struct broker *b, const struct message_admitted *a)
{
	struct conn *c;

	/* as a rule it is the first */
	c = TAILQ_FIRST(&b->presence.admits);
	while (c != NULL && c->id != a->id)
		c = TAILQ_NEXT(c, quota);
	if (c == NULL)
		return;
	if (a->verdict == ADMIT_UNKNOWN)
		b->presence.silent_until = deadline_in(SILENT_MS);
	if (a->verdict == ADMIT_REFUSED && c->waiter.state == WAITER_HELD)
		conn_refuse(b, c, REFUSAL_LIMIT, 429,
		    "All sessions of this customer are in use, at all relays");
	else
		let_in(b, c);
}

/* Those who wait for it are let in by the next turn. */
void
quota_end(struct broker *b)
{
	struct conn *c = TAILQ_FIRST(&b->presence.admits);

	for (; c != NULL; c = TAILQ_NEXT(c, quota))
		c->quota_by = deadline_now();
}

int64_t
quota_due(const struct broker *b)
{
	const struct conn *first = TAILQ_FIRST(&b->presence.admits);

	return first == NULL ? DEADLINE_NONE : first->quota_by;
}

void
quota_turn(struct broker *b)
{
	while (deadline_left(quota_due(b)) == 0) {
		b->presence.silent_until = deadline_in(SILENT_MS);
		let_in(b, TAILQ_FIRST(&b->presence.admits));
	}
}
