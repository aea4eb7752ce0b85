/* Who is parked, and its signs of life: see parking.h. */
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/trust_bundle.h"
#include "pairing_park.h"
#include "sweep.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define CUT_MS     10000
#define ALONE_MS   10000 /* for a spawner to be back, as a stone waits */
#define SIGNS_MAX  16    /* in one interval; an agent sends one */
#define KEEPIDLE_S (PARKED_INTERVAL + 10) /* the signs of life suffice */
#define FDS_SPARE  64    /* kept for handlers, when fds run out */
#define FULL_MS    60000 /* between two lines of that */

void
parking_init(struct parking *p)
{
	TAILQ_INIT(&p->quiet);
	TAILQ_INIT(&p->cut);
	TAILQ_INIT(&p->waking);
	p->alone_until = DEADLINE_NONE;
	p->first_end = UINT64_MAX;
}

void
parking_free(struct parking *p)
{
	revocations_free(&p->revoked);
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

static void on_parked(struct broker *b, struct source *source, uint32_t events);

/* Has the loop watch c's connection, which c->fd is. Returns 0 or -1. */
static int
watch(struct broker *b, struct conn *c)
{
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLRDHUP, .data.ptr = &c->source};
	const struct linger linger = {.l_onoff = 1};
	const int idle = KEEPIDLE_S;

	/* an end is always a reset: there is no TLS to say it with */
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	c->source.ready = on_parked;
	return epoll_ctl(b->epoll, EPOLL_CTL_ADD, c->fd, &ev);
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
	return watch(b, c);
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

/* ---- signs of life ---- */

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
	p->signs += (unsigned)signs;
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
	if (p->blocked)
		until = deadline_first(until, deadline_in(WAKING_AGAIN_MS));
	return deadline_first(until, p->alone_until);
}

void
parking_turn(struct broker *b)
{
	end_late(b, &b->parking.quiet, "silent");
	end_late(b, &b->parking.cut, "cut-off");
	waking_turn(b);
	if (deadline_left(b->parking.alone_until) == 0)
		end_all(b);
}

/* ---- certificates ---- */

static void
note_authorities(struct parking *p, const struct trust_bundle_file *ca)
{
	uint8_t sha256[EVP_MAX_MD_SIZE];

	if (EVP_Digest(ca->at, ca->len, sha256, NULL, EVP_sha256(), NULL) ==
		1 &&
	    memcmp(sha256, p->authorities_sha256,
		sizeof(p->authorities_sha256)) == 0)
		return;
	p->authorities++;
	memcpy(p->authorities_sha256, sha256, sizeof(p->authorities_sha256));
}

void
parking_renew(struct broker *b)
{
	struct parking *p = &b->parking;
	struct trust_bundle trust;

	/* without it who is in stays in, as with handlers */
	if (b->trust == -1 ||
	    trust_bundle_read(&trust, b->trust, b->trust_size) == -1)
		return;
	revocations_free(&p->revoked);
	if (revocations_read(&p->revoked, trust.crl.at, trust.crl.len) == -1)
		p->authorities++; /* so everyone has to prove it anew */
	note_authorities(p, &trust.ca);
	trust_bundle_free(&trust);
}

int
parking_recheck(struct broker *b, struct conn *c)
{
	const struct parked *p = c->parked;

	if (p->authorities != b->parking.authorities)
		return 0;
	for (size_t i = 0; i < PARK_CHAIN_MAX && p->chain[i] != 0; i++)
		if (revocations_have(&b->parking.revoked, p->chain[i]))
			return 0;
	return 1;
}

int
parking_expired(struct broker *b, const struct conn *c)
{
	const uint64_t end = c->parked->not_after;

	if ((uint64_t)time(NULL) > end)
		return 1;
	if (end < b->parking.first_end)
		b->parking.first_end = end;
	return 0;
}
