/* Who is parked, and its signs of life: see parking.h. */
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "pairing_park.h"
#include "sweep.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ALONE_MS  10000 /* for a spawner to be back, as a stone waits */
#define FDS_SPARE 64    /* kept for handlers, when fds run out */
#define FULL_MS   60000 /* between two lines of that */

int
parking_init(struct parking *p)
{
	TAILQ_INIT(&p->quiet);
	TAILQ_INIT(&p->cut);
	TAILQ_INIT(&p->waking);
	p->alone_until = DEADLINE_NONE;
	p->first_end = UINT64_MAX;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	return p->epoll == -1 ? -1 : 0;
}

void
parking_free(struct parking *p)
{
	revocations_free(&p->revoked);
	fd_close(&p->epoll);
}

void
parking_move(struct parked *p, struct parked_list *list, int64_t ms)
{
	if (p->list != NULL)
		TAILQ_REMOVE(p->list, p, link);
	p->list = list;
	p->until = deadline_in(ms);
	TAILQ_INSERT_TAIL(list, p, link);
}

/* ---- who is parked ---- */

uint32_t
parking_after(const struct broker *b)
{
	return b->totals.spawners > 0 && !b->draining ? b->conf.park_after : 0;
}

/* Near the limit of descriptors a handler is the better place to wait. */
static int
has_room(const struct broker *b)
{
	static int64_t next_line;

	if (b->nconns + FDS_SPARE < b->totals.files_max)
		return 1;
	if (deadline_rings(&next_line, FULL_MS))
		log_event(LOG_WARNING, "not-parked", "connections",
		    LOG_U64(b->nconns), "files", LOG_U64(b->totals.files_max),
		    "do", "raise the limit of open files", NULL);
	return 0;
}

int
parking_begin(struct broker *b, struct conn *c)
{
	const struct message m = {.type = MESSAGE_PARK_OK};

	if (c->waiter.role != ROLE_AGENT)
		return -1;
	/* it may have been matched or kicked while it asked */
	if (c->waiter.state != WAITER_WAITING || parking_after(b) == 0 ||
	    !has_room(b))
		return 0;
	pairing_park_begin(&c->waiter);
	return conn_tell(b, c, &m, NULL);
}

/* The socket of a client, and nothing else that a handler might have. */
static int
is_connection(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int protocol = 0;
	socklen_t size = sizeof(protocol);

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == IPPROTO_TCP &&
	       getpeername(fd, (struct sockaddr *)&ss, &len) == 0;
}

int
parking_keep(struct broker *b, struct conn *c, const struct message_parked *m)
{
	struct parked *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	p->conn = c;
	p->not_after = m->not_after;
	memcpy(p->chain, m->chain, sizeof(p->chain));
	p->authorities = b->parking.authorities;
	c->parked = p;
	b->parking.count++;
	parking_move(p, &b->parking.quiet, PARKING_QUIET_MS);
	if (p->not_after < b->parking.first_end) {
		b->parking.first_end = p->not_after;
		evict_arm(b);
	}
	return parked_signs_watch(b, c);
}

int
parking_take(struct broker *b, struct conn *c, struct wire_packet *packet)
{
	if (c->kicked)
		return 0; /* it crossed that: with the packet it is closed */
	errno = EPROTO;
	if (c->waiter.state != WAITER_PARKING ||
	    !is_connection(packet->fds[WIRE_SOCKET]))
		return -1;
	/* nor is one kept whose RECHECK is not answered */
	if (c->owed > 0) {
		conn_drop(b, c);
		return 0;
	}
	fd_close(&c->fd);
	c->fd = packet->fds[WIRE_SOCKET];
	packet->fds[WIRE_SOCKET] = -1;
	pairing_park_take(&c->waiter);
	if (parking_keep(b, c, &packet->message.u.parked) == -1) {
		conn_drop(b, c);
		return 0;
	}
	b->totals.parked_total++;
	log_event(LOG_INFO, "parked", "id", LOG_ID(c->id), "customer",
	    c->account->name, "peer", c->peer, NULL);
	waking_for(b, &c->waiter);
	return 0;
}

void
parking_await_spawner(struct broker *b)
{
	b->parking.alone_until = deadline_in(ALONE_MS);
}

void
parking_end(struct broker *b, struct conn *c, const char *cause)
{
	const struct waiter *stone = pairing_stone(&c->waiter);

	log_event(LOG_INFO, "left", "id", LOG_ID(c->id), "role", "agent",
	    "peer", c->peer, "parked", cause, NULL);
	conn_drop(b, c);
	if (stone != NULL)
		waking_for(b, stone);
}

void
parking_forget(struct broker *b, struct conn *c)
{
	struct parked *p = c->parked;

	if (c == b->parking.spawner)
		b->parking.spawner = NULL;
	if (c->spawner == ATTACH_SPAWNER && b->totals.spawners == 1)
		parking_await_spawner(b);
	if (p == NULL)
		return;
	TAILQ_REMOVE(p->list, p, link);
	b->parking.count--;
	c->parked = NULL;
	free(p);
}

/* ---- ends ---- */

static enum sweep_step
alone_step(struct broker *b, struct sweep *s)
{
	struct conn *c = sweep_take(s);

	if (c == NULL || b->totals.spawners > 0)
		return SWEEP_END;
	if (c->parked != NULL)
		parking_end(b, c, "no-spawner");
	return SWEEP_MORE;
}

/* Nobody can be woken, so they are to come back by whatever way there is. */
static void
end_all(struct broker *b)
{
	const struct sweep s = {.step = alone_step};

	b->parking.alone_until = DEADLINE_NONE;
	if (b->totals.spawners > 0 || b->parking.count == 0)
		return;
	log_event(LOG_WARNING, "no-spawner", "parked",
	    LOG_U64(b->parking.count), NULL);
	sweep_start(b, &s);
}

static void
end_late(struct broker *b, struct parked_list *list, const char *cause)
{
	struct parked *p;

	while ((p = TAILQ_FIRST(list)) != NULL && deadline_left(p->until) == 0)
		parking_end(b, p->conn, cause);
}

static int64_t
first_of(const struct parked_list *list)
{
	return TAILQ_EMPTY(list) ? DEADLINE_NONE : TAILQ_FIRST(list)->until;
}

int64_t
parking_due(const struct broker *b)
{
	const struct parking *p = &b->parking;
	int64_t until = deadline_first(first_of(&p->quiet), first_of(&p->cut));

	until = deadline_first(until, first_of(&p->waking));
	if (p->count > 0)
		until = deadline_first(until, p->hear_at);
	if (p->blocked)
		until = deadline_first(until, deadline_in(WAKING_AGAIN_MS));
	return deadline_first(until, p->alone_until);
}

void
parking_turn(struct broker *b)
{
	if (deadline_left(b->parking.hear_at) == 0)
		parked_signs_hear(b);
	end_late(b, &b->parking.quiet, "silent");
	end_late(b, &b->parking.cut, "cut-off");
	waking_turn(b);
	if (deadline_left(b->parking.alone_until) == 0)
		end_all(b);
}
