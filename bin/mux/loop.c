/* The loop of a multiplexed session: see mux.h. */
#include "base/deadline.h"
#include "mux/state.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define EVENTS       256   /* of one turn */
#define TURN_READS   16    /* of the relay, before writes have their turn */
#define TURN_WRITES  16    /* and the other way round */
#define TICK_MS      250   /* how exactly due times are kept */
#define QUIET_MS     20000 /* nothing came for so long: ask */
#define SILENCE_MS   30000 /* and no answer to that: gone */
#define FINISH_MS    2000  /* for the last words */
#define QUEUE_FRAMES 2048  /* to be sent; with more of them nothing is read */

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
		nghttp2_session_terminate_session(m->h2,
		    m->refusal != 0            ? m->refusal
		    : n == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM
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
		ssize_t n = channel_read(m->relay, m->in, sizeof(m->in));

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
		if (n > 0)
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
		n = channel_write(
		    m->relay, m->out + m->out_off, m->out_len - m->out_off);
		if (n >= 0) {
			m->out_off += (size_t)n;
			m->sent += (uint64_t)n;
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
		if (s->stage == MUX_CONNECTING && s->due <= now)
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
mux_finish(struct mux *m)
{
	const int64_t deadline = deadline_in(FINISH_MS);

	mux_drop_sockets(m);
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
