/* What holds of every connection to the broker: see state.h. */
#include "base/fd.h"
#include "state.h"
#include "sweep.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Fewer connections are not worth it: about 350 bytes each. */
#define CROWD_MIN 512

uint64_t
conn_uptime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

/* Where the account counts it; NULL: nowhere. */
static uint32_t *
counter(const struct conn *c)
{
	struct account *a = c->account;

	if (c->waiter.state != WAITER_ABSENT &&
	    c->waiter.state != WAITER_IN_SESSION)
		return c->waiter.role == ROLE_AGENT ? &a->agents : &a->stones;
	return c->waiter.has_slot ? &a->sessions : NULL;
}

void
conn_count(struct conn *c)
{
	if (c->counted != NULL)
		--*c->counted;
	c->counted = counter(c);
	if (c->counted != NULL)
		++*c->counted;
}

static void
leave_session(struct broker *b, struct conn *c)
{
	if (c->session == NULL)
		return;
	note_session_end(b, c);
	session_leave(b->sessions, c->session, c->waiter.role, conn_uptime());
	c->session = NULL;
}

void
conn_add(struct broker *b, struct conn *c)
{
	LIST_INSERT_HEAD(&b->conns, c, link);
	if (++b->nconns > b->most)
		b->most = b->nconns;
}

/* The first that may miss w, an agent that is parked or on its way; or NULL. */
static struct waiter *
stone_of(const struct waiter *w)
{
	return w->state == WAITER_PARKING || w->state == WAITER_PARKED ||
		       w->state == WAITER_WAKING
		   ? pairing_stone(w)
		   : NULL;
}

/* Its memory is freed after the batch of events that it may occur in. */
void
conn_drop(struct broker *b, struct conn *c)
{
	struct waiter *stone = stone_of(&c->waiter);

	if (c->dropped)
		return;
	c->dropped = 1;
	sweep_forget(b, c);
	parking_forget(b, c);
	reach_forget(b, c);
	quota_forget(b, c);
	if (b->peer == c) {
		b->peer = NULL;
		b->totals.peer = 0;
	}
	if (b->presence.conn == c)
		presence_detach(b);
	leave_session(b, c);
	pairing_leave(b->pairing, &c->waiter);
	reach_for(b, stone);
	if (c->account != NULL)
		conn_count(c);
	if (c->awaits_reload)
		LIST_REMOVE(c, await);
	b->reload.owed -= c->owed;
	b->totals.spawners -= (uint32_t)(c->spawner == ATTACH_SPAWNER);
	fd_close(&c->fd);
	LIST_REMOVE(c, link);
	b->nconns--;
	LIST_INSERT_HEAD(&b->closing, c, link);
}

int
conn_tell(
    struct broker *b, struct conn *c, const struct message *m, const int *fds)
{
	if (wire_send(c->fd, m, fds) == 0)
		return 0;
	/* how its session ended may be still to be read: it dies of its end */
	if (c->session == NULL || (errno != EPIPE && errno != ECONNRESET))
		conn_drop(b, c);
	return -1;
}

void
conn_refuse(struct broker *b, struct conn *c, enum refusal_kind kind,
    uint32_t status, const char *reason)
{
	struct message m = {.type = MESSAGE_REFUSED};

	b->totals.refused_total++;
	c->account->refused_total++;
	note_refusal(b, c, kind, status, reason);
	m.u.refused.status = status;
	snprintf(m.u.refused.reason, sizeof(m.u.refused.reason), "%s", reason);
	wire_send(c->fd, &m, NULL);
	conn_drop(b, c);
}

void
conn_answer(struct broker *b, struct conn *c, int failed, unsigned count,
    const char *text)
{
	struct message m = {.type = MESSAGE_ADMIN_DONE};

	m.u.admin_done.failed = failed != 0;
	m.u.admin_done.count = count;
	snprintf(m.u.admin_done.text, sizeof(m.u.admin_done.text), "%s", text);
	conn_tell(b, c, &m, NULL);
}

void
conn_free_dropped(struct broker *b)
{
	struct conn *c;

	while ((c = LIST_FIRST(&b->closing)) != NULL) {
		LIST_REMOVE(c, link);
		certificate_set_give_back(b->certificates, c->certificate);
		free(c);
	}
	/* free(3) keeps what lies below the smallest thing still in use */
	if (b->most >= CROWD_MIN && b->nconns < b->most / 2) {
		malloc_trim(0);
		b->most = b->nconns;
	}
}
