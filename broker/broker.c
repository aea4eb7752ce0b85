/* The broker's loop: see broker.h. */
#define _GNU_SOURCE
#include "broker.h"
#include "fd.h"
#include "log.h"
#include "pairing.h"
#include "session.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64

struct conn {
	int fd;
	struct waiter waiter;
	struct identity identity;
	struct session *session; /* NULL: in none */
	char peer[NETADDR_TEXT_MAX];
	LIST_ENTRY(conn) link;
};

struct broker {
	int listener;
	int stop;
	int epoll;
	int spare; /* given up to refuse a connection when fds run out */
	uid_t handler_uid;
	struct pairing *pairing;
	struct sessions *sessions;
	LIST_HEAD(, conn) conns;
	LIST_HEAD(, conn) closing; /* dropped while events may name them */
};

static uint64_t
uptime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

static void
leave_session(struct broker *b, struct conn *c)
{
	if (c->session != NULL)
		session_leave(
		    b->sessions, c->session, c->waiter.role, uptime());
	c->session = NULL;
}

/* Its memory is freed after the batch of events that it may occur in. */
static void
drop(struct broker *b, struct conn *c)
{
	if (c->fd == -1)
		return;
	leave_session(b, c);
	pairing_leave(b->pairing, &c->waiter);
	fd_close(&c->fd);
	LIST_REMOVE(c, link);
	LIST_INSERT_HEAD(&b->closing, c, link);
}

static void
free_dropped(struct broker *b)
{
	struct conn *c;

	while ((c = LIST_FIRST(&b->closing)) != NULL) {
		LIST_REMOVE(c, link);
		free(c);
	}
}

static struct conn *
conn_of(struct waiter *w)
{
	return (struct conn *)((char *)w - offsetof(struct conn, waiter));
}

/* ---- what the broker says ---- */

static void
refuse(struct broker *b, struct conn *c, uint32_t status, const char *reason)
{
	struct message m = {.type = MESSAGE_REFUSED};

	m.u.refused.status = status;
	snprintf(m.u.refused.reason, sizeof(m.u.refused.reason), "%s", reason);
	wire_send(c->fd, &m, -1);
	drop(b, c);
}

static int
send_matched(
    struct conn *c, const struct session *s, const struct conn *other, int fd)
{
	struct message m = {.type = MESSAGE_MATCHED};

	m.u.matched.session = session_id(s);
	memcpy(m.u.matched.peer, other->peer, sizeof(m.u.matched.peer));
	return wire_send(c->fd, &m, fd);
}

static void
join_session(struct conn *c, struct session *s)
{
	struct session_side *side = session_side(s, c->waiter.role);

	c->session = s;
	side->conn = c;
	side->agent = c->waiter.agent;
	memcpy(side->peer, c->peer, sizeof(side->peer));
}

/*
 * Hands both handlers their end of a new pair. Where the stone's cannot be
 * told, the agent has not been: it waits on. Where the agent's cannot, the
 * stone sees the pair closed and asks again.
 */
static void
introduce(struct broker *b, struct conn *agent, struct conn *stone)
{
	struct session *s;
	int pair[2] = {-1, -1};

	s = session_new(b->sessions, &stone->identity, uptime());
	if (s == NULL ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0, pair) == -1) {
		log_event(
		    LOG_ERR, "no-session", "error", strerror(errno), NULL);
		if (s != NULL)
			session_cancel(b->sessions, s);
		pairing_wait_again(&agent->waiter);
		refuse(b, stone, 503, "The relay is out of resources");
		return;
	}
	join_session(stone, s);
	join_session(agent, s);
	if (send_matched(stone, s, agent, pair[0]) == -1) {
		agent->session = NULL;
		session_side(s, ROLE_AGENT)->conn = NULL;
		pairing_wait_again(&agent->waiter);
		drop(b, stone);
	} else if (send_matched(agent, s, stone, pair[1]) == -1) {
		drop(b, agent);
	}
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

static void
match(struct broker *b, const struct conn *c)
{
	struct waiter *agent, *stone;

	while (c->waiter.state == WAITER_WAITING &&
	       pairing_next(&c->waiter, &agent, &stone))
		introduce(b, conn_of(agent), conn_of(stone));
}

/* ---- what handlers say ---- */

static int
on_register(struct broker *b, struct conn *c, const struct message *m)
{
	struct message welcome = {.type = MESSAGE_WELCOME};
	const struct customer *customer = &customer_default;

	if (c->waiter.state != WAITER_ABSENT)
		return -1;
	c->waiter.role = (enum role)m->u.reg.role;
	c->waiter.agent = m->u.reg.agent;
	memcpy(c->peer, m->u.reg.peer, sizeof(c->peer));
	if (identity_of_der(&c->identity, m->der, m->u.reg.der_len) == -1 ||
	    customer_format(customer, m->der, m->u.reg.der_len,
		welcome.u.welcome.customer) == -1)
		return -1;
	switch (pairing_enter(b->pairing, &c->waiter, &c->identity, customer,
	    (uint64_t)time(NULL))) {
	case PAIRING_WAIT:
		break;
	case PAIRING_NO_MEMORY:
		refuse(b, c, 503, "The relay is out of memory");
		return 0;
	case PAIRING_TOO_MANY:
		refuse(b, c, 429, "Too many wait with this certificate");
		return 0;
	case PAIRING_NUSERS:
		refuse(b, c, 429, "All sessions of this customer are in use");
		return 0;
	case PAIRING_EXPIRED:
		refuse(b, c, 403, "This customer's time is over");
		return 0;
	}
	if (wire_send(c->fd, &welcome, -1) == -1)
		return -1;
	match(b, c);
	return 0;
}

static int
on_wait_again(struct broker *b, struct conn *c)
{
	if (c->waiter.state != WAITER_IN_SESSION)
		return -1;
	if (c->session != NULL) {
		struct session *s = c->session;
		struct conn *agent = session_side(s, ROLE_AGENT)->conn;
		struct conn *stone = session_side(s, ROLE_STONE)->conn;

		if (c->waiter.role == ROLE_STONE)
			pairing_suspect(
			    &c->waiter, session_side(s, ROLE_AGENT)->agent);
		if (agent != NULL)
			agent->session = NULL;
		if (stone != NULL)
			stone->session = NULL;
		session_cancel(b->sessions, s);
	}
	pairing_wait_again(&c->waiter);
	match(b, c);
	return 0;
}

static int
on_end(struct conn *c, const struct message *m)
{
	struct session_side *side;

	if (c->session == NULL)
		return 0; /* the other side called it off first */
	if (m->u.end.session != session_id(c->session))
		return -1;
	side = session_side(c->session, c->waiter.role);
	side->reason = m->u.end.reason;
	side->bytes_in = m->u.end.bytes_in;
	side->bytes_out = m->u.end.bytes_out;
	return 0;
}

static int
on_announce(struct broker *b, struct conn *c, const struct message *m)
{
	struct session *s;

	if (c->waiter.state != WAITER_ABSENT)
		return -1;
	c->waiter.role = (enum role)m->u.announce.role;
	memcpy(c->peer, m->u.announce.peer, sizeof(c->peer));
	if (identity_of_der(&c->identity, m->der, m->u.announce.der_len) == -1)
		return -1;
	s = session_announced(b->sessions, m->u.announce.session, &c->identity,
	    m->u.announce.started);
	if (s == NULL || session_side(s, c->waiter.role)->conn != NULL)
		return -1;
	join_session(c, s);
	return pairing_announce(b->pairing, &c->waiter, &c->identity);
}

static int
dispatch(struct broker *b, struct conn *c, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_REGISTER:
		return on_register(b, c, m);
	case MESSAGE_WAIT_AGAIN:
		return on_wait_again(b, c);
	case MESSAGE_END:
		return on_end(c, m);
	case MESSAGE_ANNOUNCE:
		return on_announce(b, c, m);
	case MESSAGE_WELCOME:
	case MESSAGE_REFUSED:
	case MESSAGE_MATCHED:
		break;
	}
	errno = EPROTO;
	return -1;
}

static void
serve(struct broker *b, struct conn *c)
{
	static struct wire_packet packet;
	int rc;

	while (c->fd != -1) {
		rc = wire_receive(c->fd, &packet);
		if (rc == -1 && errno == EAGAIN)
			return;
		if (rc == 1) {
			fd_close(&packet.fd); /* no handler sends one */
			rc = dispatch(b, c, &packet.message) == 0 ? 1 : -1;
		}
		if (rc == -1 && errno == EPROTO)
			log_event(
			    LOG_ERR, "bad-message", "peer", c->peer, NULL);
		if (rc != 1)
			drop(b, c);
	}
}

/* ---- connections ---- */

/* Out of fds: an open connection would make epoll spin, so it is refused. */
static void
refuse_for_want_of_fds(struct broker *b)
{
	fd_close(&b->spare);
	close(accept(b->listener, NULL, NULL));
	b->spare = dup(b->listener);
	log_event(
	    LOG_ERR, "out-of-fds", "do", "raise the limit of open files", NULL);
}

static int
may_register(const struct broker *b, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return 0;
	if (cred.uid == b->handler_uid)
		return 1;
	log_event(LOG_WARNING, "stranger", "uid", LOG_U64(cred.uid), "pid",
	    LOG_U64(cred.pid), NULL);
	return 0;
}

static void
accept_handler(struct broker *b)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct conn *c;
	int fd;

	fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno == EMFILE || errno == ENFILE)
			refuse_for_want_of_fds(b);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL || !may_register(b, fd))
		goto fail;
	ev.data.ptr = c;
	if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		goto fail;
	c->fd = fd;
	LIST_INSERT_HEAD(&b->conns, c, link);
	return;
fail:
	free(c);
	fd_close(&fd);
}

/* The addresses of listener and stop mark them among the connections. */
static int
watch(struct broker *b, int *fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = fd};

	return epoll_ctl(b->epoll, EPOLL_CTL_ADD, *fd, &ev);
}

struct broker *
broker_new(int listener, int stop, uid_t handler_uid)
{
	struct broker *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	LIST_INIT(&b->conns);
	LIST_INIT(&b->closing);
	b->listener = listener;
	b->stop = stop;
	b->handler_uid = handler_uid;
	b->spare = dup(listener);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->pairing = pairing_new();
	b->sessions = sessions_new();
	if (b->epoll == -1 || b->pairing == NULL || b->sessions == NULL ||
	    watch(b, &b->listener) == -1 || watch(b, &b->stop) == -1) {
		broker_free(b);
		return NULL;
	}
	return b;
}

int
broker_run(struct broker *b)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	for (;;) {
		int n = epoll_wait(b->epoll, events, EVENTS_AT_ONCE, -1);

		if (n == -1 && errno != EINTR)
			return -1;
		for (int i = 0; i < n; i++) {
			void *what = events[i].data.ptr;

			if (what == &b->stop)
				return 0;
			if (what == &b->listener)
				accept_handler(b);
			else
				serve(b, what);
		}
		free_dropped(b);
	}
}

void
broker_free(struct broker *b)
{
	struct conn *c;

	while ((c = LIST_FIRST(&b->conns)) != NULL)
		drop(b, c);
	free_dropped(b);
	if (b->pairing != NULL)
		pairing_free(b->pairing);
	sessions_free(b->sessions);
	fd_close(&b->epoll);
	fd_close(&b->spare);
	free(b);
}
