/* Who is woken: see parking.h. */
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "pairing_park.h"
#include "sweep.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define REGISTER_MS 1500 /* for its handler; then the next is woken */

/* Any will do; NULL: none is there. */
static struct conn *
spawner_of(struct broker *b)
{
	struct conn *c = b->parking.spawner;

	if (c == NULL && b->totals.spawners > 0)
		LIST_FOREACH(c, &b->conns, link)
	if (c->spawner == ATTACH_SPAWNER)
		break;
	b->parking.spawner = c;
	return c;
}

/*
 * Hands the connection to a spawner; one that is busy gets it later. Returns 0,
 * or -1: none is there.
 */
static int
hand_over(struct broker *b, struct conn *c)
{
	struct message m = {.type = MESSAGE_WAKE};
	struct conn *spawner;

	m.u.wake.id = c->id;
	m.u.wake.cut = c->parked->cut;
	memcpy(m.u.wake.peer, c->peer, sizeof(m.u.wake.peer));
	while ((spawner = spawner_of(b)) != NULL) {
		if (wire_send(spawner->fd, &m, &c->fd) == 0)
			break;
		if (errno == EAGAIN) {
			b->parking.blocked = 1;
			return 0;
		}
		conn_drop(b, spawner);
	}
	if (spawner == NULL)
		return -1;
	epoll_ctl(b->parking.epoll, EPOLL_CTL_DEL, c->fd, NULL);
	fd_close(&c->fd);
	b->totals.woken_total++;
	log_event(LOG_INFO, "woken", "id", LOG_ID(c->id), "customer",
	    c->account->name, "peer", c->peer, NULL);
	return 0;
}

void
waking_for(struct broker *b, const struct waiter *w)
{
	struct waiter *next;

	parked_signs_hear(b); /* whose agent is gone is not to be woken */
	while (!b->draining && b->totals.spawners > 0 &&
	       (next = pairing_park_next(w)) != NULL) {
		struct conn *c = CONTAINER_OF(next, struct conn, waiter);

		parking_move(c->parked, &b->parking.waking, REGISTER_MS);
		if (hand_over(b, c) == 0)
			continue;
		pairing_park_back(&c->waiter);
		parking_move(c->parked, &b->parking.quiet, PARKING_QUIET_MS);
	}
}

int
waking_ends(struct broker *b, const struct customer_key *key, uint32_t id)
{
	struct parked *p;

	TAILQ_FOREACH(p, &b->parking.waking, link)
	if (id != 0 && p->conn->id == id && p->conn->fd == -1 &&
	    memcmp(pairing_key(&p->conn->waiter), key, sizeof(*key)) == 0) {
		/* so that none is sought elsewhere for its stone */
		pairing_leave(b->pairing, &p->conn->waiter);
		conn_drop(b, p->conn);
		return 1;
	}
	return 0;
}

/* c has not come. One that is still here waits for a spawner with room. */
static void
fail(struct broker *b, struct conn *c)
{
	const struct waiter *stone = pairing_stone(&c->waiter);

	b->totals.wake_failures_total++;
	log_event(LOG_NOTICE, "not-woken", "id", LOG_ID(c->id), "customer",
	    c->account->name, "peer", c->peer, NULL);
	if (c->fd == -1) {
		conn_drop(b, c);
	} else {
		pairing_park_back(&c->waiter);
		parking_move(c->parked, &b->parking.quiet, PARKING_QUIET_MS);
	}
	if (stone != NULL)
		waking_for(b, stone);
}

static void
try_again(struct broker *b)
{
	struct parked *p, *next;

	b->parking.blocked = 0;
	for (p = TAILQ_FIRST(&b->parking.waking);
	     p != NULL && !b->parking.blocked; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->conn->fd != -1)
			hand_over(b, p->conn);
	}
}

void
waking_turn(struct broker *b)
{
	struct parked *p;

	while ((p = TAILQ_FIRST(&b->parking.waking)) != NULL &&
	       deadline_left(p->until) == 0)
		fail(b, p->conn);
	if (b->parking.blocked)
		try_again(b);
}

static enum sweep_step
wake_step(struct broker *b, struct sweep *s)
{
	struct conn *c = sweep_take(s);

	if (c == NULL)
		return SWEEP_END;
	if (c->waiter.role == ROLE_STONE && c->waiter.state == WAITER_WAITING)
		waking_for(b, &c->waiter);
	return SWEEP_MORE;
}

void
waking_begin(struct broker *b)
{
	const struct sweep s = {.step = wake_step};

	b->parking.alone_until = DEADLINE_NONE;
	if (b->parking.count > 0)
		sweep_start(b, &s);
}
