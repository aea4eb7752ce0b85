/*
 * Stones whose agent may be at another relay: relay-peer is asked for one while
 * none is here, and relay-presence, where that is attached, for the relays to
 * ask. See state.h.
 */
#include "base/container.h"
#include "base/deadline.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 250 /* relay-presence itself gives the store 200 */

/* A stone's, from its REGISTER until its session has begun. */
struct seek {
	uint32_t id;
	int asked; /* relay-peer knows of it, or would if it were there */
	struct conn *stone;
	UT_hash_handle hh; /* while asked */
	int64_t answer_by; /* base/deadline.h; 0: relay-presence owes none */
	TAILQ_ENTRY(seek) link; /* while it does */
	struct message_reach m;
	uint8_t der[]; /* leaf, chain and proof */
};

void
reach_note(struct broker *b, struct conn *c, const struct message *m)
{
	const size_t len = m->u.reg.der_len + m->u.reg.chain_len +
			   m->u.reg.proof_len;
	struct seek *seek;

	if (b->conf.npeers == 0 || c->waiter.role != ROLE_STONE ||
	    c->waiter.forwarded)
		return;
	seek = calloc(1, sizeof(*seek) + len);
	if (seek == NULL)
		return; /* then it meets only who is here */
	seek->id = c->id;
	seek->stone = c;
	seek->m = (struct message_reach){.id = c->id,
	    .wants = c->waiter.wants,
	    .der_len = m->u.reg.der_len,
	    .chain_len = m->u.reg.chain_len,
	    .proof_len = m->u.reg.proof_len,
	    .key = *pairing_key(&c->waiter)};
	memcpy(seek->m.peer, c->peer, sizeof(seek->m.peer));
	memcpy(seek->der, m->der, len);
	c->seek = seek;
}

/* Has relay-peer ask these relays; none: all. */
static void
search(struct broker *b, const struct seek *seek,
    const struct message_nodes *nodes)
{
	struct message m = {
	    .type = MESSAGE_REACH, .u.reach = seek->m, .der = seek->der};

	if (b->peer == NULL)
		return;
	m.u.reach.nodes = *nodes;
	b->totals.reach_total++;
	conn_tell(b, b->peer, &m, NULL);
}

static const struct message_nodes all;

/* Nobody waits for the answer any more. */
static void
settle(struct broker *b, struct seek *seek)
{
	if (seek->answer_by != 0)
		TAILQ_REMOVE(&b->presence.asked, seek, link);
	seek->answer_by = 0;
}

static void
ask(struct broker *b, struct seek *seek)
{
	struct message m = {.type = MESSAGE_ASK};

	settle(b, seek);
	if (b->presence.conn == NULL) {
		search(b, seek, &all);
		return;
	}
	m.u.ask.id = seek->id;
	m.u.ask.key = seek->m.key;
	seek->answer_by = deadline_in(ANSWER_MS);
	TAILQ_INSERT_TAIL(&b->presence.asked, seek, link);
	conn_tell(b, b->presence.conn, &m, NULL);
}

void
reach_begin(struct broker *b, struct conn *c)
{
	struct seek *seek = c->seek;

	if (seek == NULL || seek->asked || c->waiter.state != WAITER_WAITING ||
	    !pairing_lacks(&c->waiter))
		return;
	HASH_ADD(hh, b->seeks, id, sizeof(seek->id), seek);
	if (seek->hh.tbl == NULL)
		return;
	seek->asked = 1;
	ask(b, seek);
}

void
reach_for(struct broker *b, struct waiter *stone)
{
	for (; stone != NULL; stone = TAILQ_NEXT(stone, link))
		reach_begin(b, CONTAINER_OF(stone, struct conn, waiter));
}

void
reach_end(struct broker *b, struct conn *c)
{
	struct message m = {.type = MESSAGE_LEFT};

	if (c->seek == NULL || !c->seek->asked)
		return;
	c->seek->asked = 0;
	HASH_DEL(b->seeks, c->seek);
	settle(b, c->seek);
	m.u.left.id = c->id;
	if (b->peer != NULL)
		conn_tell(b, b->peer, &m, NULL);
	if (b->presence.conn != NULL)
		conn_tell(b, b->presence.conn, &m, NULL);
}

void
reach_forget(struct broker *b, struct conn *c)
{
	reach_end(b, c);
	free(c->seek);
	c->seek = NULL;
}

void
reach_again(struct broker *b)
{
	struct seek *seek, *next;

	HASH_ITER(hh, b->seeks, seek, next)
	ask(b, seek);
}

void
reach_attach(struct broker *b, struct conn *c)
{
	b->peer = c;
	b->totals.peer = (uint32_t)c->who.pid;
	reach_again(b);
}

void
reach_answer(struct broker *b, const struct message_answer *a)
{
	struct seek *seek;

	HASH_FIND(hh, b->seeks, &a->id, sizeof(a->id), seek);
	if (seek == NULL)
		return;
	settle(b, seek);
	if (a->verdict != ANSWER_NOWHERE)
		search(b, seek, &a->nodes);
}

int64_t
reach_due(const struct broker *b)
{
	const struct seek *first = TAILQ_FIRST(&b->presence.asked);

	return first == NULL ? DEADLINE_NONE : first->answer_by;
}

void
reach_turn(struct broker *b)
{
	struct seek *first;

	while (deadline_left(reach_due(b)) == 0) {
		first = TAILQ_FIRST(&b->presence.asked);
		settle(b, first);
		search(b, first, &all);
	}
}

struct conn *
reach_stone(const struct broker *b, uint32_t id)
{
	struct seek *seek;

	HASH_FIND(hh, b->seeks, &id, sizeof(id), seek);
	return seek == NULL ? NULL : seek->stone;
}

void
reach_unreached(struct broker *b, const struct message *m)
{
	struct conn *stone = reach_stone(b, m->u.unreached.id);

	if (stone != NULL)
		conn_tell(b, stone, m, NULL);
}
