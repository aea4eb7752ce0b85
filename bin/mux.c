/* A multiplexed session and its loop: see mux.h. */
#include "mux.h"
#include "deadline.h"
#include "fd.h"
#include "mux_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS       256   /* of one turn */
#define TURN_READS   16    /* of the relay, before writes have their turn */
#define TURN_WRITES  16    /* and the other way round */
#define TICK_MS      250   /* how exactly due times are kept */
#define QUIET_MS     20000 /* nothing came for so long: ask */
#define SILENCE_MS   30000 /* and no answer to that: gone */
#define FINISH_MS    2000  /* for the last words */
#define QUEUE_FRAMES 2048  /* to be sent; with more of them nothing is read */

/* ---- life ---- */

static void
on_relay(struct mux_source *source, uint32_t events)
{
	/* the source is not the first of the struct: no way back but this */
	struct mux *m = (struct mux *)((char *)source -
				       offsetof(struct mux, source));

	(void)events;
	/* TLS may wait for output to read */
	m->readable = m->writable = 1;
}

struct mux *
mux_new(enum mux_side side, struct channel *relay,
    const struct mux_calls *calls, void *owner, uint32_t streams)
{
	struct mux *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->side = side;
	m->source.ready = on_relay;
	m->relay = relay;
	m->calls = calls;
	m->owner = owner;
	m->streams_max = streams;
	m->readable = m->writable = 1;
	m->heard = deadline_now();
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (m->epoll != -1 &&
	    mux_watch(m, relay->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		&m->source) == 0 &&
	    mux_frames_start(m) == 0)
		return m;
	mux_free(m);
	return NULL;
}

/* Those of a client that were not answered can be served elsewhere. */
static void
drop_sockets(struct mux *m)
{
	struct mux_stream *s, *next;

	for (s = LIST_FIRST(&m->streams); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (m->side == MUX_CLIENT && s->stage == MUX_ASKED)
			mux_stream_return(s);
		else
			mux_stream_drop(s);
	}
}

void
mux_free(struct mux *m)
{
	struct mux_stream *s;

	if (m == NULL)
		return;
	drop_sockets(m);
	nghttp2_session_del(m->h2);
	while ((s = LIST_FIRST(&m->streams)) != NULL) {
		LIST_REMOVE(s, entry);
		LIST_INSERT_HEAD(&m->dead, s, entry);
	}
	mux_stream_bury(m);
	fd_close(&m->epoll);
	free(m);
}

void *
mux_owner(const struct mux *m)
{
	return m->owner;
}

int
mux_watch(struct mux *m, int fd, uint32_t events, struct mux_source *source)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event);
}

void
mux_unwatch(struct mux *m, int fd)
{
	epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- failure ---- */

void
mux_fail(struct mux *m, const char *why)
{
	if (m->error[0] == '\0')
		snprintf(m->error, sizeof(m->error), "%s", why);
}

const char *
mux_error(const struct mux *m)
{
	return m->error;
}

/* ---- from the relay ---- */

void
mux_feed(struct mux *m, const void *bytes, size_t len)
{
	ssize_t n = nghttp2_session_mem_recv(m->h2, bytes, len);

	if (n >= 0 && (size_t)n == len && nghttp2_session_want_read(m->h2))
		return;
	/* what it made of that is a GOAWAY, mostly */
	if (n < 0) {
		mux_fail(m, nghttp2_strerror((int)n));
		nghttp2_session_terminate_session(
		    m->h2, n == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM
						    : NGHTTP2_PROTOCOL_ERROR);
	}
}

static int
may_read(const struct mux *m)
{
	return m->readable && !m->ended && m->error[0] == '\0' &&
	       nghttp2_session_get_outbound_queue_size(m->h2) < QUEUE_FRAMES;
}

static void
read_relay(struct mux *m)
{
	for (int i = 0; i < TURN_READS && may_read(m); i++) {
		ssize_t n = m->relay->read(m->relay, m->in, sizeof(m->in));

		if (n > 0) {
			m->heard = 0;
			mux_feed(m, m->in, (size_t)n);
		} else if (n == 0) {
			m->ended = 1;
		} else if (errno == EAGAIN) {
			m->readable = 0;
		} else {
			mux_fail(m, strerror(errno));
			m->ended = 1;
		}
	}
}

/* ---- to the relay ---- */

/* Fills the empty buffer with frames. */
static void
fill(struct mux *m)
{
	m->out_off = m->out_len = 0;
	while (MUX_OUT_SIZE - m->out_len > MUX_CONTROL_MAX) {
		const size_t before = m->out_len;
		const uint8_t *frame;
		ssize_t n = nghttp2_session_mem_send(m->h2, &frame);

		if (n < 0 || n > MUX_CONTROL_MAX) {
			mux_fail(m, "a frame cannot be made");
			m->ended = 1;
			return;
		}
		memcpy(m->out + m->out_len, frame, (size_t)n);
		m->out_len += (size_t)n;
		if (m->out_len == before)
			return;
	}
}

static void
write_relay(struct mux *m)
{
	for (int i = 0; i < TURN_WRITES && m->writable; i++) {
		ssize_t n;

		if (m->out_off == m->out_len)
			fill(m);
		if (m->out_off == m->out_len)
			return;
		n = m->relay->write(
		    m->relay, m->out + m->out_off, m->out_len - m->out_off);
		if (n >= 0) {
			m->out_off += (size_t)n;
		} else if (errno == EAGAIN) {
			m->writable = 0;
		} else {
			mux_fail(m, strerror(errno));
			m->ended = 1;
			return;
		}
	}
}

static int
can_write(const struct mux *m)
{
	return m->writable &&
	       (m->out_off < m->out_len || nghttp2_session_want_write(m->h2));
}

/* ---- time ---- */

/* Asks after the other side when it is quiet; it is gone if it stays so. */
static int64_t
keep_alive(struct mux *m, int64_t now)
{
	if (m->heard == 0) {
		m->heard = now;
		m->asked = 0;
	}
	if (m->asked == 0 && now - m->heard >= QUIET_MS) {
		nghttp2_submit_ping(m->h2, NGHTTP2_FLAG_NONE, NULL);
		m->asked = now;
	}
	if (m->asked == 0)
		return m->heard + QUIET_MS;
	if (now - m->asked >= SILENCE_MS) {
		mux_fail(m, "the other side has fallen silent");
		m->ended = 1;
	}
	return m->asked + SILENCE_MS;
}

/* Returns when something is next to be done, at the latest. */
static int64_t
tick(struct mux *m)
{
	int64_t now = deadline_now(), until = keep_alive(m, now);
	struct mux_stream *s, *next;

	if (m->waiting == 0)
		return until;
	for (s = LIST_FIRST(&m->streams); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (s->stage == MUX_ASKED && s->due <= now)
			m->calls->late(s);
	}
	return deadline_first(until, now + TICK_MS);
}

/* ---- the loop ---- */

static int
is_over(const struct mux *m)
{
	if (m->ended)
		return 1;
	if (m->out_off < m->out_len)
		return 0;
	/* where it broke, what is left to say is a GOAWAY */
	return !nghttp2_session_want_write(m->h2) &&
	       (m->error[0] != '\0' || !nghttp2_session_want_read(m->h2) ||
		   (m->draining && m->count == 0));
}

static enum mux_result
result_of(struct mux *m)
{
	/* streams that HTTP/2 has closed well, and whose socket takes its time,
	 * are not waited for when the relay is gone */
	if (m->error[0] == '\0' && m->count > 0)
		mux_fail(m, "it ended with open streams");
	return m->error[0] == '\0' ? MUX_DONE : MUX_BROKE;
}

int
mux_turn(struct mux *m, int timeout, enum mux_result *result)
{
	struct epoll_event events[EVENTS];
	int64_t until = tick(m);
	int n, left = deadline_left(until);

	if (timeout == -1 || left < timeout)
		timeout = left;
	if (can_write(m) || may_read(m))
		timeout = 0;
	n = epoll_wait(m->epoll, events, EVENTS, timeout);
	for (int i = 0; i < n; i++) {
		struct mux_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
	read_relay(m);
	write_relay(m);
	mux_stream_bury(m);
	if (!is_over(m))
		return 1;
	*result = result_of(m);
	return 0;
}

enum mux_result
mux_run(struct mux *m)
{
	enum mux_result result;

	while (mux_turn(m, -1, &result))
		;
	return result;
}

/* ---- the end ---- */

void
mux_drain(struct mux *m)
{
	if (nghttp2_session_get_last_proc_stream_id(m->h2) < 0)
		return;
	m->draining = 1;
	nghttp2_submit_goaway(m->h2, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(m->h2), NGHTTP2_NO_ERROR,
	    NULL, 0);
}

void
mux_finish(struct mux *m)
{
	const int64_t deadline = deadline_in(FINISH_MS);

	drop_sockets(m);
	if (m->ended && m->error[0] != '\0')
		return; /* there is nobody to say it to */
	nghttp2_session_terminate_session(m->h2, NGHTTP2_NO_ERROR);
	do {
		if (m->out_off == m->out_len)
			fill(m);
		if (channel_write_all(m->relay, m->out + m->out_off,
			m->out_len - m->out_off, deadline) == -1)
			return;
		m->out_off = m->out_len;
	} while (!m->ended && nghttp2_session_want_write(m->h2));
	channel_linger(m->relay, deadline);
}

/* ---- streams ---- */

size_t
mux_count(const struct mux *m)
{
	return m->count;
}

uint64_t
mux_total(const struct mux *m)
{
	return m->total;
}

size_t
mux_vacant(const struct mux *m)
{
	size_t most = nghttp2_session_get_remote_settings(
	    m->h2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if (!m->settled || m->draining || m->error[0] != '\0')
		return 0;
	if (most > MUX_STREAMS_MAX)
		most = MUX_STREAMS_MAX;
	return most > m->count ? most - m->count : 0;
}

int
mux_open(
    struct mux *m, int fd, const char *authority, unsigned tries, int64_t due)
{
	const nghttp2_nv fields[] = {
	    {(uint8_t *)":method", (uint8_t *)"CONNECT", 7, 7,
		NGHTTP2_NV_FLAG_NONE},
	    {(uint8_t *)":authority", (uint8_t *)authority, 10,
		strlen(authority), NGHTTP2_NV_FLAG_NONE},
	};
	struct mux_stream *s = mux_stream_new(m);
	nghttp2_data_provider provider = {{.ptr = s}, mux_stream_provide};

	if (s == NULL)
		return -1;
	s->due = due;
	s->tries = tries;
	s->id = nghttp2_submit_request(m->h2, NULL, fields, 2, &provider, s);
	if (s->id > 0 && mux_watch(m, fd, MUX_SOCKET_EVENTS, &s->source) == 0) {
		s->fd = fd;
		s->writable = 1;
		return 0;
	}
	if (s->id < 0)
		s->id = 0;
	mux_stream_abort(s);
	errno = ENOMEM;
	return -1;
}

void
mux_each_waiting(
    struct mux *m, void (*visit)(struct mux_stream *s, void *arg), void *arg)
{
	struct mux_stream *s, *next;

	for (s = LIST_FIRST(&m->streams); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (s->stage == MUX_ASKED)
			visit(s, arg);
	}
}
