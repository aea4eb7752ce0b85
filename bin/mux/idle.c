/*
 * Frames that bring nothing on, as after CVE-2019-9518: empty DATA, padding,
 * PRIORITY, small WINDOW_UPDATE, PING, SETTINGS, and unknown ones. So many may
 * come, and so many a second after that. See state.h.
 */
#include "base/deadline.h"
#include "mux/state.h"

#define IDLE_BURST 4000
#define IDLE_RATE  500  /* per second */
#define UPDATE_MIN 1024 /* bytes of window that do bring something */

/* Each is cheap to send and has to be read. Returns 0, or ends the session. */
static int
spend(struct mux *m)
{
	const int64_t now = deadline_now();
	const int64_t earned = (now - m->idle_at) * IDLE_RATE / 1000;

	if (earned > 0) {
		m->idle_at = now;
		m->idle_left = earned < IDLE_BURST - m->idle_left
				   ? m->idle_left + (int)earned
				   : IDLE_BURST;
	}
	if (m->idle_left > 0) {
		m->idle_left--;
		return 0;
	}
	m->refusal = NGHTTP2_ENHANCE_YOUR_CALM;
	mux_fail(m, "frames that bring nothing on");
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* What nghttp2 passes over without a word is seen here alone. */
static int
on_begin_frame(nghttp2_session *h2, const nghttp2_frame_hd *head, void *arg)
{
	struct mux *m = arg;

	(void)h2;
	switch (head->type) {
	case NGHTTP2_PRIORITY:
		if (head->stream_id != 0)
			return spend(m);
		m->refusal = NGHTTP2_PROTOCOL_ERROR;
		mux_fail(m, "the other side is wrong: PRIORITY of no stream");
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	case NGHTTP2_DATA:
		return head->length == 0 &&
			       (head->flags & NGHTTP2_FLAG_END_STREAM) == 0
			   ? spend(m)
			   : 0;
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION:
	case NGHTTP2_RST_STREAM:
	case NGHTTP2_GOAWAY:
		return 0; /* bounded otherwise, or once */
	default:
		return spend(m); /* PING, SETTINGS, and unknown ones */
	}
}

/* Unknown ones have no payload for us. */
static int
on_unpack(nghttp2_session *h2, void **payload, const nghttp2_frame_hd *head,
    void *arg)
{
	(void)h2;
	(void)payload;
	(void)head;
	(void)arg;
	return NGHTTP2_ERR_CANCEL;
}

int
mux_idle_settle(struct mux *m, const nghttp2_frame *frame)
{
	const size_t padding = frame->hd.type == NGHTTP2_DATA
				   ? frame->data.padlen
				   : 0;

	if (padding > 0 && padding >= frame->hd.length - padding)
		return spend(m);
	if (frame->hd.type == NGHTTP2_WINDOW_UPDATE &&
	    frame->window_update.window_size_increment >= UPDATE_MIN)
		m->idle_left++; /* it did */
	return 0;
}

void
mux_idle_watch(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(
	    c, on_begin_frame);
	nghttp2_session_callbacks_set_unpack_extension_callback(c, on_unpack);
}

void
mux_idle_options(nghttp2_option *o)
{
	/* or they would be passed over where on_begin_frame sees nothing */
	for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX;
	     type++)
		nghttp2_option_set_user_recv_extension_type(o, (uint8_t)type);
}
