/* The broker's loop: see broker.h. */
#define _GNU_SOURCE
#include "broker.h"
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/harden.h"
#include "base/log.h"
#include "ipc/ipc_socket.h"
#include "ipc/peercred.h"
#include "sweep.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64
#define MESSAGES_TURN  64   /* of one connection, before the next's turn */
#define STRANGER_MS    1000 /* between two lines of them */
#define SETTLE_MS      200  /* for a new list to get its owner and mode */

/* Has source called when there is something to read at fd. */
static int
watch(const struct broker *b, int fd, struct source *source)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* Whether who says m speaks for another relay. */
static int
is_of_node(const struct message *m)
{
	return (m->type == MESSAGE_REGISTER && m->u.reg.node[0] != '\0') ||
	       (m->type == MESSAGE_ANNOUNCE && m->u.announce.node[0] != '\0');
}

static int
is_of_administrator(const struct message *m)
{
	return m->type == MESSAGE_ADMIN || m->type == MESSAGE_ADMIN_FOR;
}

/* What c may say is a matter of who it is. */
static int
dispatch(struct broker *b, struct conn *c, const struct message *m)
{
	if ((m->type == MESSAGE_ADMIN && c->may_admin) ||
	    (m->type == MESSAGE_ADMIN_FOR && c->may_spawn &&
		b->conf.peer_admin == PEER_ADMIN_YES))
		return admin_take(b, c, m);
	if (m->type == MESSAGE_ATTACH || m->type == MESSAGE_RELOAD ||
	    is_of_node(m)) {
		if (c->may_spawn)
			return registrar_take(b, c, m);
	} else if (!is_of_administrator(m) && c->may_register) {
		return registrar_take(b, c, m);
	}
	errno = EPROTO;
	return -1;
}

static int
obey(struct broker *b, struct conn *c, struct wire_packet *packet)
{
	if (packet->message.type == MESSAGE_PARKED && c->may_register)
		return parking_take(b, c, packet);
	if (packet->message.type == MESSAGE_ATTACH &&
	    !ipc_socket_is_badge(packet->fds[WIRE_SOCKET])) {
		errno = EPROTO;
		return -1;
	}
	return dispatch(b, c, &packet->message);
}

static void
serve(struct broker *b, struct conn *c)
{
	static struct wire_packet packet;
	int rc, error;

	for (int i = 0; i < MESSAGES_TURN && !c->dropped && c->parked == NULL;
	     i++) {
		rc = wire_receive(c->fd, &packet);
		if (rc == -1 && errno == EAGAIN)
			return;
		if (rc == 1) {
			rc = obey(b, c, &packet) == 0 ? 1 : -1;
			error = errno;
			wire_close_fds(&packet);
			errno = error;
		}
		if (rc == -1 && errno == EPROTO)
			log_event(
			    LOG_ERR, "bad-message", "peer", c->peer, NULL);
		if (rc != 1)
			conn_drop(b, c);
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

/* Someone who may neither register nor administer learns why. */
static void
refuse_stranger(int fd, const struct rights *who)
{
	static int64_t next_line;
	struct message m = {.type = MESSAGE_REFUSED, .u.refused.status = 403};

	if (deadline_rings(&next_line, STRANGER_MS))
		log_event(LOG_WARNING, "stranger", "uid", LOG_U64(who->uid),
		    "pid", LOG_U64(who->pid), NULL);
	snprintf(m.u.refused.reason, sizeof(m.u.refused.reason),
	    "only root and the members of admin_group may do this");
	wire_send(fd, &m, NULL);
}

static void
on_conn(struct broker *b, struct source *source, uint32_t events)
{
	struct conn *c = CONTAINER_OF(source, struct conn, source);

	if ((events & EPOLLOUT) != 0 && !c->dropped)
		sweep_resume(b, c);
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		serve(b, c);
}

static void
accept_one(struct broker *b, struct source *source, uint32_t events)
{
	struct conn *c;
	int fd;

	(void)source;
	(void)events;
	fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno == EMFILE || errno == ENFILE)
			refuse_for_want_of_fds(b);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL || rights_of_peer(&c->who, fd, b->admin_gid) == -1)
		goto fail;
	c->may_spawn = c->who.uid == b->own_uid;
	c->may_register = c->may_spawn || c->who.uid == b->handler_uid;
	c->may_admin = c->who.uid == 0 || c->who.in_group;
	if (!c->may_register && !c->may_admin) {
		refuse_stranger(fd, &c->who);
		goto fail;
	}
	c->source.ready = on_conn;
	if (watch(b, fd, &c->source) == -1)
		goto fail;
	c->fd = fd;
	conn_add(b, c);
	return;
fail:
	free(c);
	fd_close(&fd);
}

/* ---- the broker itself ---- */

static void
on_signals(struct broker *b, struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)source;
	(void)events;
	while (read(b->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGHUP)
			reload_all(b, NULL);
		else
			b->done = 1;
}

static void
on_timer(struct broker *b, struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	evict_expire(b);
}

static void
on_crl(struct broker *b, struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	if (filewatch_changed(&b->crl))
		b->crl_at = deadline_in(SETTLE_MS);
}

static int
watch_all(struct broker *b)
{
	b->on_listener.ready = accept_one;
	b->on_signals.ready = on_signals;
	b->on_timer.ready = on_timer;
	b->on_crl.ready = on_crl;
	return watch(b, b->listener, &b->on_listener) == -1 ||
		       watch(b, b->signals, &b->on_signals) == -1 ||
		       watch(b, b->timer, &b->on_timer) == -1 ||
		       watch(b, b->crl.fd, &b->on_crl) == -1
		   ? -1
		   : 0;
}

static int
set_up(struct broker *b)
{
	b->spare = dup(b->listener);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	b->totals.files_max = harden_nofile();
	if (parking_init(&b->parking) == -1 || filewatch_open(&b->crl) == -1)
		return -1;
	b->accounts = accounts_new();
	b->certificates = certificate_set_new();
	b->pairing = pairing_new();
	b->sessions = sessions_new();
	b->recent = recent_new();
	return b->epoll == -1 || b->timer == -1 || b->accounts == NULL ||
		       b->certificates == NULL || b->pairing == NULL ||
		       b->sessions == NULL || b->recent == NULL ||
		       watch_all(b) == -1
		   ? -1
		   : 0;
}

struct broker *
broker_new(int listener, int signals, uid_t handler_uid, const char *conf_path,
    struct failure *f)
{
	struct broker *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return failure_null(f, "%s", strerror(errno));
	b->listener = listener;
	b->signals = signals;
	b->own_uid = geteuid();
	b->handler_uid = handler_uid;
	b->conf_path = conf_path;
	b->started = conn_uptime();
	if (getrandom(&b->totals.instance, sizeof(b->totals.instance), 0) !=
	    sizeof(b->totals.instance)) {
		free(b);
		return failure_null(f, "%s", strerror(errno));
	}
	b->epoll = b->timer = b->spare = b->crl.fd = b->trust = -1;
	b->crl_at = DEADLINE_NONE;
	TAILQ_INIT(&b->presence.asked);
	TAILQ_INIT(&b->presence.admits);
	if (set_up(b) == -1)
		failure(f, "set-up: %s", strerror(errno));
	else if (reload_files(b, f) == 0)
		return b;
	broker_free(b);
	return NULL;
}

/* How long to wait for events, milliseconds; -1: for ever. */
static int
patience(const struct broker *b)
{
	int ms;

	if (sweep_pending(b))
		return 0;
	ms = deadline_left(deadline_first(
	    deadline_first(parking_due(b), b->crl_at), presence_due(b)));
	return b->reload.give_up != 0 && (ms == -1 || ms > 1000) ? 1000 : ms;
}

int
broker_run(struct broker *b)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (!b->done) {
		int n = epoll_wait(
		    b->epoll, events, EVENTS_AT_ONCE, patience(b));

		if (n == -1 && errno != EINTR)
			return -1;
		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			source->ready(b, source, events[i].events);
		}
		parking_turn(b);
		presence_turn(b);
		if (deadline_left(b->crl_at) == 0)
			reload_all(b, NULL);
		sweep_turn(b);
		reload_settle(b);
		if (b->draining && sessions_count(b->sessions) == 0 &&
		    LIST_EMPTY(&b->sweeps))
			b->done = 1;
		conn_free_dropped(b);
	}
	if (b->draining)
		presence_end(b);
	return 0;
}

void
broker_free(struct broker *b)
{
	struct conn *c;

	while ((c = LIST_FIRST(&b->conns)) != NULL) {
		/* it lives on, and the next broker tells of its end */
		c->session = NULL;
		conn_drop(b, c);
	}
	conn_free_dropped(b);
	sweep_free_all(b);
	parking_free(&b->parking);
	certificate_set_free(b->certificates);
	if (b->pairing != NULL)
		pairing_free(b->pairing);
	sessions_free(b->sessions);
	recent_free(b->recent);
	accounts_free(b->accounts);
	customers_free(b->customers);
	relay_conf_free(&b->conf);
	fd_close(&b->epoll);
	fd_close(&b->timer);
	filewatch_close(&b->crl);
	fd_close(&b->spare);
	fd_close(&b->trust);
	free(b);
}
