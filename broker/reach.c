/*
 * Stones whose agent may be at another relay: relay-peer is asked for one while
 * none is here. See state.h.
 */
#include "base/container.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

/* A stone's, from its REGISTER until its session has begun. */
struct seek {
	uint32_t id;
	int asked; /* relay-peer knows of it, or would if it were there */
	struct conn *stone;
	UT_hash_handle hh; /* while asked */
	struct message_reach m;
	uint8_t der[]; /* leaf and chain */
};

void
reach_note(struct broker *b, struct conn *c, const struct message *m)
{
	const size_t len = m->u.reg.der_len + m->u.reg.chain_len;
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
	    .key = *pairing_key(&c->waiter)};
	memcpy(seek->m.peer, c->peer, sizeof(seek->m.peer));
	memcpy(seek->der, m->der, len);
	c->seek = seek;
}

static void
ask(struct broker *b, const struct seek *seek)
{
	const struct message m = {
	    .type = MESSAGE_REACH, .u.reach = seek->m, .der = seek->der};

	if (b->peer == NULL)
		return;
	b->totals.reach_total++;
	conn_tell(b, b->peer, &m, NULL);
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
	m.u.left.id = c->id;
	if (b->peer != NULL)
		conn_tell(b, b->peer, &m, NULL);
}

void
reach_forget(struct broker *b, struct conn *c)
{
	reach_end(b, c);
	free(c->seek);
	c->seek = NULL;
}

void
reach_attach(struct broker *b, struct conn *c)
{
	struct seek *seek, *next;

	b->peer = c;
	b->totals.peer = (uint32_t)c->who.pid;
	HASH_ITER(hh, b->seeks, seek, next)
	ask(b, seek);
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
