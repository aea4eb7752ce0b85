/* A stream and its socket: see state.h. */
#include "base/container.h"
#include "base/deadline.h"
#include "channel/tcp.h"
#include "mux/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD_MIN 4096 /* bytes; then twice as much each time */

/* ---- life ---- */

struct mux_stream *
mux_stream_new(struct mux *m)
{
	struct mux_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->mux = m;
	s->source.ready = mux_stream_ready;
	s->fd = -1;
	s->due = DEADLINE_NONE;
	s->window = MUX_STREAM_WINDOW;
	LIST_INSERT_HEAD(&m->streams, s, entry);
	m->count++;
	m->waiting++;
	m->total++;
	return s;
}

static void
set_stage(struct mux_stream *s, enum mux_stage stage)
{
	if (s->stage == MUX_CONNECTING && stage != MUX_CONNECTING)
		s->mux->waiting--;
	s->stage = stage;
}

/* Through with its socket; and if HTTP/2 is as well, with all. */
static void
set_over(struct mux_stream *s)
{
	set_stage(s, MUX_OVER);
	free(s->held);
	s->held = NULL;
	s->held_len = s->held_size = 0;
	if (s->id != 0)
		return;
	LIST_REMOVE(s, entry);
	LIST_INSERT_HEAD(&s->mux->dead, s, entry);
}

/* Events of this turn may still name them. */
void
mux_stream_bury(struct mux *m)
{
	struct mux_stream *s;

	while ((s = LIST_FIRST(&m->dead)) != NULL) {
		LIST_REMOVE(s, entry);
		m->count--;
		m->growth -= s->window - MUX_STREAM_WINDOW;
		m->calls->gone(s);
		free(s);
	}
}

/* Its peer sees an end: all bytes have been given to the kernel. */
static void
close_socket(struct mux_stream *s)
{
	tcp_reset_on_close(s->fd, 0);
	close(s->fd);
	s->fd = -1;
	set_over(s);
}

void
mux_stream_drop(struct mux_stream *s)
{
	if (s->stage == MUX_OVER)
		return;
	if (s->fd != -1) {
		tcp_reset_on_close(s->fd, 1);
		close(s->fd);
		s->fd = -1;
	}
	set_over(s);
}

void
mux_stream_return(struct mux_stream *s)
{
	int fd = s->fd;

	s->fd = -1;
	mux_unwatch(s->mux, fd); /* it lives on in another process */
	s->mux->calls->unserved(s, fd);
	set_over(s);
}

/* The socket broke: RFC 9113 8.5 has a code for that. */
void
mux_stream_abort(struct mux_stream *s)
{
	if (s->id != 0)
		nghttp2_submit_rst_stream(s->mux->h2, NGHTTP2_FLAG_NONE, s->id,
		    NGHTTP2_CONNECT_ERROR);
	mux_stream_drop(s);
}

/* ---- from the other side to the socket ---- */

/* Appends to what is held. Returns 0, or -1 with errno. */
static int
hold(struct mux_stream *s, const uint8_t *data, size_t len)
{
	size_t need = s->held_len + len, size = s->held_size;
	unsigned char *bigger;

	if (s->held_off + need > size && s->held_off > 0) {
		memmove(s->held, s->held + s->held_off, s->held_len);
		s->held_off = 0;
	}
	if (need > s->window) {
		errno = ENOBUFS; /* nghttp2 guards the window: never */
		return -1;
	}
	if (need > size) {
		for (size = HELD_MIN; size < need; size *= 2)
			;
		bigger = realloc(s->held, size);
		if (bigger == NULL)
			return -1;
		s->held = bigger;
		s->held_size = (uint32_t)size;
	}
	memcpy(s->held + s->held_off + s->held_len, data, len);
	s->held_len += (uint32_t)len;
	return 0;
}

/* Returns how many bytes the socket took, 0 where it can't, or -1. */
static ssize_t
send_some(struct mux_stream *s, const uint8_t *data, size_t len)
{
	ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);

	if (n == -1 && errno == EAGAIN)
		n = 0;
	if (n >= 0 && (size_t)n < len)
		s->writable = 0;
	if (n > 0 && s->id != 0)
		nghttp2_session_consume_stream(s->mux->h2, s->id, (size_t)n);
	return n;
}

/* All has been written: now the end, if there is one. */
static void
pass_end(struct mux_stream *s)
{
	if (!s->ended_in || s->held_len > 0)
		return;
	if (s->id == 0)
		close_socket(s); /* both directions have ended */
	else if (!s->ended_out && shutdown(s->fd, SHUT_WR) == -1)
		mux_stream_abort(s);
}

static void
flush_held(struct mux_stream *s)
{
	while (s->held_len > 0 && s->writable) {
		ssize_t n = send_some(s, s->held + s->held_off, s->held_len);

		if (n == -1) {
			mux_stream_abort(s);
			return;
		}
		s->held_off += (uint32_t)n;
		s->held_len -= (uint32_t)n;
	}
	if (s->held_len > 0)
		return;
	free(s->held);
	s->held = NULL;
	s->held_off = s->held_size = 0;
	pass_end(s);
}

/* Its socket has taken a whole window, and nothing waits for it. */
static void
grow_window(struct mux_stream *s)
{
	struct mux *m = s->mux;

	if (s->in - s->grown < s->window || s->window >= MUX_WINDOW_MAX ||
	    m->growth + s->window > MUX_GROWTH_MAX ||
	    nghttp2_session_set_local_window_size(
		m->h2, NGHTTP2_FLAG_NONE, s->id, (int32_t)(2 * s->window)) != 0)
		return;
	m->growth += s->window;
	s->window *= 2;
	s->grown = s->in;
}

void
mux_stream_take(struct mux_stream *s, const uint8_t *data, size_t len)
{
	ssize_t n = 0;

	if (s->stage == MUX_OVER)
		return;
	s->in += len;
	if (s->stage == MUX_JOINED && s->held_len == 0 && s->writable)
		n = send_some(s, data, len);
	if (n == -1 ||
	    ((size_t)n < len && hold(s, data + n, len - (size_t)n) == -1))
		mux_stream_abort(s);
	else if (s->held_len == 0)
		grow_window(s);
}

void
mux_stream_end(struct mux_stream *s)
{
	s->ended_in = 1;
	if (s->stage == MUX_JOINED)
		pass_end(s);
}

/* ---- from the socket to the other side ---- */

ssize_t
mux_stream_provide(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t length,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct mux_stream *s = source->ptr;
	struct mux *m = arg;
	size_t room = MUX_OUT_SIZE - m->out_len - MUX_FRAME_HEAD;
	ssize_t n;

	(void)buf;
	if (s->stage != MUX_JOINED || !s->readable)
		return NGHTTP2_ERR_DEFERRED;
	if (length > room)
		length = room;
	n = recv(s->fd, m->out + m->out_len + MUX_FRAME_HEAD, length, 0);
	if (n > 0) {
		/* the kernel tells of more, unless its last news was an end */
		if ((size_t)n < length && !s->hung)
			s->readable = 0;
		s->out += (uint64_t)n;
		*flags = NGHTTP2_DATA_FLAG_NO_COPY;
		return n;
	}
	if (n == 0) {
		s->ended_out = 1;
		*flags = NGHTTP2_DATA_FLAG_EOF;
		return 0;
	}
	if (errno == EAGAIN) {
		s->readable = 0;
		return NGHTTP2_ERR_DEFERRED;
	}
	nghttp2_submit_rst_stream(
	    h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_CONNECT_ERROR);
	mux_stream_drop(s);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Whether a broken socket will not be read, as no window is left for it. */
static int
is_stuck(const struct mux_stream *s)
{
	return s->id != 0 && nghttp2_session_get_stream_remote_window_size(
				 s->mux->h2, s->id) <= 0;
}

void
mux_stream_ready(struct mux_source *source, uint32_t events)
{
	struct mux_stream *s = CONTAINER_OF(source, struct mux_stream, source);
	const int broken = (events & EPOLLERR) != 0;

	if (s->stage == MUX_OVER)
		return;
	if (broken &&
	    (s->stage == MUX_CONNECTING || s->ended_out || is_stuck(s))) {
		mux_stream_abort(s);
		return;
	}
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		s->hung = 1;
	if ((events & EPOLLOUT) != 0)
		s->writable = 1;
	if ((events & ~(uint32_t)EPOLLOUT) != 0 && !s->ended_out) {
		s->readable = 1;
		if (s->stage == MUX_JOINED)
			nghttp2_session_resume_data(s->mux->h2, s->id);
	}
	if (s->stage == MUX_JOINED && s->held_len > 0)
		flush_held(s);
}

/* ---- joining ---- */

void
mux_stream_answered(struct mux_stream *s)
{
	if (s->stage != MUX_CONNECTING)
		return;
	set_stage(s, MUX_JOINED);
	if (s->readable)
		nghttp2_session_resume_data(s->mux->h2, s->id);
}

void
mux_stream_join(struct mux_stream *s, int fd)
{
	const nghttp2_nv ok = {(uint8_t *)":status", (uint8_t *)"200", 7, 3,
	    NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
	const nghttp2_data_provider provider = {{.ptr = s}, mux_stream_provide};

	const unsigned share = MUX_UNSENT_ALL_MAX / s->mux->streams_max;

	tcp_reset_on_close(fd, 1);
	tcp_may_pause(fd);
	tcp_bound_unsent(fd, share < MUX_UNSENT_MAX ? share : MUX_UNSENT_MAX);
	s->fd = fd;
	s->due = DEADLINE_NONE;
	s->source.ready = mux_stream_ready;
	s->writable = 1;
	set_stage(s, MUX_JOINED);
	if (nghttp2_submit_response(s->mux->h2, s->id, &ok, 1, &provider) !=
	    0) {
		mux_stream_abort(s);
		return;
	}
	flush_held(s);
}

void
mux_stream_refuse(struct mux_stream *s, int status, const char *reason)
{
	char text[4] = {(char)('0' + status / 100),
	    (char)('0' + status / 10 % 10), (char)('0' + status % 10), '\0'};
	const nghttp2_nv fields[] = {
	    {(uint8_t *)":status", (uint8_t *)text, 7, 3, NGHTTP2_NV_FLAG_NONE},
	    {(uint8_t *)"x-reason", (uint8_t *)reason, 8, strlen(reason),
		NGHTTP2_NV_FLAG_NONE},
	};

	nghttp2_submit_response(s->mux->h2, s->id, fields, 2, NULL);
	mux_stream_drop(s);
}

/* ---- the end ---- */

/*
 * Only where both directions had their END_STREAM is this an end. A stream
 * that the other side never looked at goes back to its owner.
 */
void
mux_stream_closed(struct mux_stream *s, uint32_t code)
{
	s->id = 0;
	if (s->stage == MUX_OVER)
		set_over(s);
	else if (s->stage == MUX_JOINED && s->ended_in && s->ended_out)
		pass_end(s);
	else if (s->mux->side == MUX_CLIENT && s->stage == MUX_CONNECTING &&
		 code == NGHTTP2_REFUSED_STREAM)
		mux_stream_return(s);
	else
		mux_stream_drop(s);
}
