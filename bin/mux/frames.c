/* HTTP/2 in a multiplexed session, as nghttp2 tells of it: see state.h. */
#include "base/deadline.h"
#include "mux/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * All of them together are bounded by the streams' windows, so that the
 * connection's own need never hold back one stream for another.
 */
#define CONNECTION_WINDOW (1 << 30)

#define FIELDS_MAX      2048 /* bytes of a header block; ours have below 100 */
#define SETTINGS_MAX    16   /* entries of one SETTINGS frame */
#define ACKS_MAX        256  /* answers to PING and SETTINGS not yet taken */
#define RESETS_BURST    1000 /* of the other side, and per second after that */
#define RESETS_RATE     200
#define HPACK_TABLE_MAX 4096

static int
is(const uint8_t *bytes, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(bytes, text, len) == 0;
}

static void
copy(char *to, size_t size, const uint8_t *bytes, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(to, bytes, len);
	to[len] = '\0';
}

/* nghttp2 has checked that it is that. */
static int
three_digits(const uint8_t *bytes, size_t len)
{
	return len == 3 ? (bytes[0] - '0') * 100 + (bytes[1] - '0') * 10 +
			      (bytes[2] - '0')
			: 0;
}

static struct mux_stream *
stream_of(nghttp2_session *h2, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h2, id);
}

/* ---- header blocks ---- */

static int
on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
	const int32_t id = frame->hd.stream_id;
	struct mux *m = arg;
	struct mux_stream *s;

	memset(&m->fields, 0, sizeof(m->fields));
	if (m->side != MUX_SERVER || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	/* those that drain count too, which nghttp2 does not see */
	s = m->count < 2 * (size_t)m->streams_max && !m->draining
		? mux_stream_new(m)
		: NULL;
	if (s == NULL) {
		nghttp2_submit_rst_stream(
		    h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	s->id = id;
	return nghttp2_session_set_stream_user_data(h2, id, s);
}

static int
on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
    size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags,
    void *arg)
{
	struct mux *m = arg;

	(void)h2;
	(void)frame;
	(void)flags;
	m->fields.bytes += namelen + valuelen;
	if (m->fields.bytes > FIELDS_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (is(name, namelen, ":method"))
		m->fields.connect = is(value, valuelen, "CONNECT");
	else if (is(name, namelen, ":authority") &&
		 valuelen < sizeof(m->fields.authority))
		copy(m->fields.authority, sizeof(m->fields.authority), value,
		    valuelen);
	else if (is(name, namelen, ":status"))
		m->fields.status = three_digits(value, valuelen);
	else if (is(name, namelen, "x-reason"))
		copy(m->fields.reason, sizeof(m->fields.reason), value,
		    valuelen);
	return 0;
}

static void
take_request(struct mux *m, struct mux_stream *s)
{
	if (!m->fields.connect)
		mux_stream_refuse(s, 405, "Only CONNECT is served");
	else
		m->calls->asked(s, m->fields.authority);
}

static void
take_response(struct mux *m, struct mux_stream *s)
{
	const int status = m->fields.status;

	if (s->stage != MUX_CONNECTING || status < 200)
		return;
	if (status < 300) {
		mux_stream_answered(s);
		return;
	}
	m->calls->refused(s, status, m->fields.reason);
	mux_stream_abort(s);
}

/* ---- frames ---- */

static void
on_headers(struct mux *m, struct mux_stream *s, const nghttp2_frame *frame)
{
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		take_request(m, s);
	else if (frame->headers.cat == NGHTTP2_HCAT_RESPONSE ||
		 s->stage == MUX_CONNECTING)
		take_response(m, s);
	else /* no trailers behind a CONNECT, RFC 9113 8.5 */
		mux_stream_abort(s);
}

static void
fail_with_code(struct mux *m, const char *who, uint32_t code)
{
	char why[96];

	if (code == NGHTTP2_NO_ERROR)
		return;
	snprintf(why, sizeof(why), "%s: %s", who, nghttp2_http2_strerror(code));
	mux_fail(m, why);
}

static void
on_goaway(struct mux *m, uint32_t code)
{
	fail_with_code(m, "the other side broke off", code);
	if (m->draining)
		return;
	m->draining = 1;
	if (m->calls->draining != NULL)
		m->calls->draining(m);
}

static void
on_settings(struct mux *m)
{
	if (m->settled)
		return;
	m->settled = 1;
	if (m->side == MUX_CLIENT)
		m->calls->ready(m);
}

static int
on_frame_recv(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
	struct mux_stream *s = stream_of(h2, frame->hd.stream_id);
	struct mux *m = arg;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (s != NULL)
			on_headers(m, s, frame);
		break;
	case NGHTTP2_SETTINGS:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
			on_settings(m);
		break;
	case NGHTTP2_GOAWAY:
		on_goaway(m, frame->goaway.error_code);
		break;
	}
	if ((frame->hd.type == NGHTTP2_DATA ||
		frame->hd.type == NGHTTP2_HEADERS) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && s != NULL &&
	    s->stage != MUX_OVER)
		mux_stream_end(s);
	return mux_idle_settle(m, frame);
}

/* Where nghttp2 gives up it says so to the other side, and to us by this. */
static int
on_frame_send(nghttp2_session *h2, const nghttp2_frame *frame, void *arg)
{
	const struct mux *m = arg;

	if (frame->hd.type == NGHTTP2_GOAWAY)
		fail_with_code(
		    arg, "the other side is wrong", frame->goaway.error_code);
	/* a refusal: what the client still sends is not wanted, RFC 9113 8.1 */
	if (m->side == MUX_SERVER && frame->hd.type == NGHTTP2_HEADERS &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE,
		    frame->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

static int
on_data_chunk(nghttp2_session *h2, uint8_t flags, int32_t id,
    const uint8_t *data, size_t len, void *arg)
{
	struct mux_stream *s = stream_of(h2, id);

	(void)flags;
	(void)arg;
	nghttp2_session_consume_connection(h2, len);
	if (s != NULL)
		mux_stream_take(s, data, len);
	return 0;
}

static int
on_stream_close(nghttp2_session *h2, int32_t id, uint32_t code, void *arg)
{
	struct mux_stream *s = stream_of(h2, id);

	(void)arg;
	if (s != NULL)
		mux_stream_closed(s, code);
	return 0;
}

/* As much as the other side takes, nghttp2's own buffer being none of ours. */
static ssize_t
data_length(nghttp2_session *h2, uint8_t type, int32_t id, int32_t session,
    int32_t stream, uint32_t frame_max, void *arg)
{
	ssize_t most = MUX_FRAME_MAX;

	(void)h2;
	(void)type;
	(void)id;
	(void)arg;
	if (most > session)
		most = session;
	if (most > stream)
		most = stream;
	return most > (ssize_t)frame_max ? (ssize_t)frame_max : most;
}

/* The bytes lie behind the place for their frame's head already. */
static int
send_data(nghttp2_session *h2, nghttp2_frame *frame, const uint8_t *head,
    size_t len, nghttp2_data_source *source, void *arg)
{
	struct mux *m = arg;

	(void)h2;
	(void)frame;
	(void)source;
	memcpy(m->out + m->out_len, head, MUX_FRAME_HEAD);
	m->out_len += MUX_FRAME_HEAD + len;
	return NGHTTP2_ERR_PAUSE; /* let the caller see how much room is left */
}

/* ---- the start ---- */

static nghttp2_session_callbacks *
make_callbacks(void)
{
	nghttp2_session_callbacks *c;

	if (nghttp2_session_callbacks_new(&c) != 0)
		return NULL;
	mux_idle_watch(c);
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    c, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    c, on_stream_close);
	nghttp2_session_callbacks_set_data_source_read_length_callback(
	    c, data_length);
	nghttp2_session_callbacks_set_send_data_callback(c, send_data);
	return c;
}

/* All streams of a side may break at once. */
static nghttp2_option *
make_options(const struct mux *m)
{
	const uint64_t burst = 2 * (uint64_t)m->streams_max;
	nghttp2_option *o;

	if (nghttp2_option_new(&o) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	mux_idle_options(o);
	nghttp2_option_set_max_settings(o, SETTINGS_MAX);
	nghttp2_option_set_max_outbound_ack(o, ACKS_MAX);
	nghttp2_option_set_stream_reset_rate_limit(
	    o, burst > RESETS_BURST ? burst : RESETS_BURST, RESETS_RATE);
	return o;
}

static int
submit_settings(struct mux *m)
{
	const nghttp2_settings_entry entries[] = {
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, MUX_STREAM_WINDOW},
	    {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, MUX_FRAME_MAX},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, FIELDS_MAX},
	    {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, HPACK_TABLE_MAX},
	    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	    m->side == MUX_SERVER
		? (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		      m->streams_max}
		: (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	};

	return nghttp2_submit_settings(m->h2, NGHTTP2_FLAG_NONE, entries,
		   sizeof(entries) / sizeof(*entries)) == 0 &&
		       nghttp2_session_set_local_window_size(
			   m->h2, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) == 0
		   ? 0
		   : -1;
}

int
mux_frames_start(struct mux *m)
{
	nghttp2_session_callbacks *callbacks = make_callbacks();
	nghttp2_option *options = make_options(m);
	int rc = -1;

	if (callbacks != NULL && options != NULL)
		rc = m->side == MUX_SERVER ? nghttp2_session_server_new2(
						 &m->h2, callbacks, m, options)
					   : nghttp2_session_client_new2(
						 &m->h2, callbacks, m, options);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	if (rc == 0 && submit_settings(m) == 0)
		return 0;
	errno = ENOMEM;
	return -1;
}
