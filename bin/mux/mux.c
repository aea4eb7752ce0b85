/* A multiplexed session: see mux.h. Its loop is loop.c. */
#include "mux/mux.h"
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "mux/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- life ---- */

static void
on_relay(struct mux_source *source, uint32_t events)
{
	struct mux *m = CONTAINER_OF(source, struct mux, source);

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
	channel_expect_bulk(relay); /* it is read until EAGAIN */
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

void
mux_drop_sockets(struct mux *m)
{
	struct mux_stream *s, *next;

	for (s = LIST_FIRST(&m->streams); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		if (m->side == MUX_CLIENT && s->stage == MUX_CONNECTING)
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
	mux_drop_sockets(m);
	nghttp2_session_del(m->h2);
	while ((s = LIST_FIRST(&m->streams)) != NULL) {
		LIST_REMOVE(s, entry);
		LIST_INSERT_HEAD(&m->dead, s, entry);
	}
	mux_stream_bury(m);
	fd_close(&m->epoll);
	free(m);
}

/* ---- ends ---- */

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

uint64_t
mux_moved(const struct mux *m)
{
	return m->relay->arrived + m->sent;
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
