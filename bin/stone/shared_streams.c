/* The connections of a shared session: see shared_streams.h. */
#define _GNU_SOURCE
#include "stone/shared_streams.h"
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"
#include "channel/tcp.h"
#include "mux/state.h"
#include "stone/relay.h"
#include "stone/shared_control.h"
#include "stone/shared_load.h"
#include "stone/single.h"
#include "stone/status.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_TURN 8 /* connections; other sessions may have room, too */
#define ROOM_AGAIN  8 /* free streams, or most: it listens again */

struct streams {
	struct forward *forward;
	int control;
	struct mux *mux;
	struct mux_source control_source, listener_source;
	const char *authority; /* what each is asked for with (mux/mux.h) */
	int listening;         /* the listener is watched */
	int resting;           /* others take the connections for now */
	int stopped;           /* it will not be watched any more */
	struct shared_load load;
	uint64_t told; /* connections that relay-stone knows of */
};

/* ---- what relay-stone hears ---- */

static void
hand_back(const struct streams *s, int sock, unsigned tries)
{
	const struct shared_control h = {HANDOVER_CONNECTION,
	    (unsigned char)(tries < UINT8_MAX ? tries : UINT8_MAX)};

	if (shared_control_send(s->control, &h, sock) == -1)
		stone_single_reset(sock);
	else
		close(sock);
}

static void
tell(const struct streams *s, enum shared_control_what what)
{
	const struct shared_control h = {(unsigned char)what, 0};

	/* one that is gone needs no news */
	shared_control_send(s->control, &h, -1);
}

/* Now and then: how busy it is, and how many connections have come. */
static void
look(struct streams *s)
{
	const uint64_t come = mux_total(s->mux) - s->told;
	struct shared_control h = {HANDOVER_LOAD, 0};

	if (shared_load_judge(&s->load, mux_count(s->mux), mux_vacant(s->mux),
		mux_moved(s->mux), deadline_now()) ||
	    come > 0) {
		h.value = (unsigned char)s->load.level;
		shared_control_send(s->control, &h, -1);
	}
	if (stone_status_connections(s->forward, come) == 0)
		s->told += come;
}

static void
open_stream(struct streams *s, int sock, unsigned tries)
{
	if (mux_open(s->mux, sock, s->authority, tries,
		deadline_in(STONE_ANSWER_MS)) == -1)
		hand_back(s, sock, tries + 1);
}

/* ---- listening ---- */

static void
stop_listening(struct streams *s)
{
	if (s->listening)
		mux_unwatch(s->mux, s->forward->listener);
	s->listening = 0;
}

/* Where several sessions have room, the kernel wakes one for a connection. */
static void
listen_again(struct streams *s)
{
	size_t room;

	if (s->listening || s->resting || s->stopped)
		return;
	room = mux_vacant(s->mux);
	if (room < ROOM_AGAIN && room <= mux_count(s->mux))
		return;
	s->listening = mux_watch(s->mux, s->forward->listener,
			   EPOLLIN | EPOLLEXCLUSIVE, &s->listener_source) == 0;
}

static void
rest(struct streams *s, int yes)
{
	s->resting = yes;
	if (yes)
		stop_listening(s);
	else
		listen_again(s);
}

/* For good: where it is the last to have the listener, that closes. */
static void
stop(struct streams *s)
{
	s->stopped = 1;
	stop_listening(s);
	fd_close(&s->forward->listener);
}

static void
drain(struct streams *s)
{
	stop(s);
	mux_drain(s->mux);
}

/* Descriptors are short: go on when a stream has ended. */
static void
on_shortage(struct streams *s)
{
	log_event(LOG_ERR, "no-process", "call", "accept", "error",
	    strerror(errno), "sessions", LOG_U64(mux_count(s->mux)), NULL);
	stop_listening(s);
	if (mux_count(s->mux) == 0)
		drain(s);
}

static void
on_listener(struct mux_source *source, uint32_t events)
{
	struct streams *s = CONTAINER_OF(
	    source, struct streams, listener_source);

	(void)events;
	for (int i = 0; i < ACCEPT_TURN && s->listening; i++) {
		int sock;

		if (mux_vacant(s->mux) == 0) {
			stop_listening(s);
			return;
		}
		sock = accept4(s->forward->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (sock == -1) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM)
				on_shortage(s);
			return;
		}
		if (s->forward->conf->nallowed == 0 ||
		    stone_single_admits(s->forward, sock))
			open_stream(s, sock, 0);
		else
			stone_single_reset(sock);
	}
}

static void
on_control(struct mux_source *source, uint32_t events)
{
	struct streams *s = CONTAINER_OF(
	    source, struct streams, control_source);
	struct shared_control h;
	int sock, rc;

	(void)events;
	while ((rc = shared_control_receive(s->control, &h, &sock)) == 1) {
		if (h.what == HANDOVER_STOP)
			drain(s);
		else if (h.what == HANDOVER_REST || h.what == HANDOVER_LISTEN)
			rest(s, h.what == HANDOVER_REST);
		else if (h.what == HANDOVER_CONNECTION &&
			 mux_vacant(s->mux) > 0)
			open_stream(s, sock, h.value);
		else if (h.what == HANDOVER_CONNECTION)
			hand_back(s, sock, h.value + 1U);
	}
	if (rc == 0) { /* relay-stone is gone */
		mux_unwatch(s->mux, s->control);
		drain(s);
	}
}

/* ---- calls of the session ---- */

static struct streams *
owner_of(const struct mux_stream *stream)
{
	return mux_owner(stream->mux);
}

static void
on_ready(struct mux *m)
{
	struct streams *s = mux_owner(m);

	tell(s, HANDOVER_READY);
	listen_again(s);
}

static void
on_draining(struct mux *m)
{
	struct streams *s = mux_owner(m);

	stop(s);
	tell(s, HANDOVER_FULL);
}

static void
on_refused(struct mux_stream *stream, int status, const char *reason)
{
	char peer[NETADDR_TEXT_MAX];

	netaddr_peer(stream->fd, peer);
	log_event(LOG_WARNING, "refused", "status", LOG_U64(status), "reason",
	    reason, "peer", peer, NULL);
}

static void
on_unserved(struct mux_stream *stream, int fd)
{
	hand_back(owner_of(stream), fd, stream->tries + 1);
}

static void
on_late(struct mux_stream *stream)
{
	char peer[NETADDR_TEXT_MAX];

	netaddr_peer(stream->fd, peer);
	stone_relay_unreachable(
	    owner_of(stream)->forward, "no answer in time", peer);
	mux_stream_abort(stream);
}

static void
on_gone(struct mux_stream *stream)
{
	log_event(LOG_DEBUG, "stream", "in", LOG_U64(stream->in), "out",
	    LOG_U64(stream->out), NULL);
	listen_again(owner_of(stream));
}

/* ---- all together ---- */

/* What the kernel gives to each connection that comes. */
static void
prepare_listener(const struct streams *s)
{
	if (s->forward->conf->listen.path != NULL)
		return;
	tcp_options(s->forward->listener);
	tcp_may_pause(s->forward->listener);
	tcp_reset_on_close(s->forward->listener, 1);
}

static int
prepare_mux(struct streams *s, struct channel *relay)
{
	static const struct mux_calls calls = {
	    .ready = on_ready,
	    .refused = on_refused,
	    .unserved = on_unserved,
	    .late = on_late,
	    .gone = on_gone,
	    .draining = on_draining,
	};

	s->control_source.ready = on_control;
	s->listener_source.ready = on_listener;
	prepare_listener(s);
	s->mux = mux_new(MUX_CLIENT, relay, &calls, s, 0);
	return s->mux == NULL || mux_watch(s->mux, s->control, EPOLLIN,
				     &s->control_source) == -1
		   ? -1
		   : 0;
}

/* When to look next. */
static int64_t
next_look(const struct streams *s)
{
	if (s->stopped)
		return DEADLINE_NONE;
	return shared_load_next(&s->load, mux_count(s->mux), mux_vacant(s->mux),
	    mux_total(s->mux) > s->told);
}

static enum mux_result
carry(struct streams *s)
{
	enum mux_result result;

	do
		if (next_look(s) <= deadline_now())
			look(s);
	while (mux_turn(s->mux, deadline_left(next_look(s)), &result));
	look(s);
	return result;
}

int
shared_streams_run(struct forward *forward, int control,
    struct relay_channel *relay, const char *authority, const char *buf,
    size_t len)
{
	struct streams s = {
	    .forward = forward, .control = control, .authority = authority};
	enum mux_result result = MUX_BROKE;

	if (prepare_mux(&s, &relay->channel) == -1) {
		stone_relay_unreachable(forward, strerror(errno), NULL);
	} else {
		mux_feed(s.mux, buf, len);
		result = carry(&s);
		log_event(LOG_INFO, "session", "in",
		    LOG_U64(relay->channel.arrived), "streams",
		    LOG_U64(mux_total(s.mux)), "reason",
		    result == MUX_DONE ? "done" : "relay-error", "error",
		    mux_error(s.mux), "seal", relay_channel_seal_word(relay),
		    NULL);
		/* before the connections that it has not served */
		stop(&s);
		tell(&s, HANDOVER_FULL);
		mux_finish(s.mux);
	}
	s.stopped = 1;
	mux_free(s.mux);
	if (result == MUX_DONE)
		channel_close(&relay->channel);
	else
		channel_abort(&relay->channel);
	return result == MUX_DONE ? EX_OK : EX_TEMPFAIL;
}
