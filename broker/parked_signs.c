/*
 * The signs of life of parked polls: see parking.h. They are in no hurry, since
 * an agent waits for an answer for 15 seconds. So all that came in a while are
 * answered at once, which costs one wake-up of this process and not one each.
 */
#include "base/container.h"
#include "base/deadline.h"
#include "state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CUT_MS     10000
#define HEAR_MS    500 /* from one look at all of them to the next */
#define AT_ONCE    256
#define SIGNS_MAX  16 /* in one interval; an agent sends one */
#define KEEPIDLE_S (PARKED_INTERVAL + 10) /* the signs of life suffice */

/* Returns how many ended among the n bytes at buf, or -1: these are none. */
static int
count_signs(struct parked *p, const char *buf, size_t n)
{
	int signs = 0;

	for (size_t i = 0; i < n; i++) {
		if (buf[i] != PARKED_SIGN[p->cut])
			return -1;
		if (++p->cut == PARKED_SIGN_SIZE) {
			p->cut = 0;
			signs++;
		}
	}
	return signs;
}

static int
is_flood(struct parked *p, int signs)
{
	const int64_t now = deadline_now();

	if (now >= p->window) {
		p->window = now + (int64_t)PARKED_INTERVAL * 1000;
		p->signs = 0;
	}
	p->signs = (uint16_t)(p->signs + signs);
	return p->signs > SIGNS_MAX;
}

/* Sends signs back; who takes none has not taken many. Returns 0 or -1. */
static int
echo(int fd, int signs)
{
	char buf[SIGNS_MAX * PARKED_SIGN_SIZE];
	size_t len = 0;

	for (; signs > 0; signs--, len += PARKED_SIGN_SIZE)
		memcpy(buf + len, PARKED_SIGN, PARKED_SIGN_SIZE);
	return send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len
		   ? 0
		   : -1;
}

static void
on_parked(struct broker *b, struct source *source, uint32_t events)
{
	struct conn *c = CONTAINER_OF(source, struct conn, source);
	struct parked *p = c->parked;
	char buf[SIGNS_MAX * PARKED_SIGN_SIZE];
	ssize_t n;
	int signs;

	(void)events;
	if (p == NULL || c->fd == -1)
		return; /* gone, or with a spawner, in this turn */
	n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		parking_end(b, c, n == 0 ? "closed" : "reset");
		return;
	}
	signs = count_signs(p, buf, (size_t)n);
	if (signs == -1)
		parking_end(b, c, "not-a-sign");
	else if (is_flood(p, signs))
		parking_end(b, c, "flood");
	else if (signs > 0 && echo(c->fd, signs) == -1)
		parking_end(b, c, "takes-nothing");
	else if (p->list == &b->parking.waking)
		return;
	else if (p->cut == 0)
		parking_move(p, &b->parking.quiet, PARKING_QUIET_MS);
	else if (signs > 0 || p->list != &b->parking.cut)
		parking_move(p, &b->parking.cut, CUT_MS);
}

/* ---- to hear them ---- */

int
parked_signs_watch(struct broker *b, struct conn *c)
{
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLRDHUP, .data.ptr = &c->source};
	const struct linger linger = {.l_onoff = 1};
	const int idle = KEEPIDLE_S;

	/* an end is always a reset: there is no TLS to say it with */
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	c->source.ready = on_parked;
	return epoll_ctl(b->parking.epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

void
parked_signs_hear(struct broker *b)
{
	struct parking *p = &b->parking;
	struct epoll_event events[AT_ONCE];
	int n;

	if (p->hears || p->count == 0)
		return; /* who ends may have had others woken, which asks */
	p->hears = 1;
	n = epoll_wait(p->epoll, events, AT_ONCE, 0);
	for (int i = 0; i < n; i++) {
		struct source *source = events[i].data.ptr;

		source->ready(b, source, events[i].events);
	}
	p->hears = 0;
	/* the others of a crowd have their turn after who else there is */
	p->hear_at = n == AT_ONCE ? 0 : deadline_in(HEAR_MS);
}
