/* The requests of one client: see request.h. */
#include "web/request.h"

#include <stdio.h>
#include <string.h>
#include <sys/types.h>

/* What a piece of a chunk adds: its length in hex, and two line ends. */
#define CHUNK_OVERHEAD ((size_t)16)

/* ---- what llhttp tells ---- */

static int
put(struct web_request *w, const char *text, size_t len)
{
	if (len > w->out.size - w->out.used)
		return -1;
	memcpy(w->out.at + w->out.used, text, len);
	w->out.used += len;
	return 0;
}

static int
on_headers_complete(llhttp_t *parser)
{
	struct web_request *w = parser->data;

	w->keep_alive = llhttp_should_keep_alive(parser);
	w->asked.head_only = parser->method == HTTP_HEAD;
	w->asked.upgrade = parser->upgrade;
	/* to the library it is a request like any other */
	parser->upgrade = 0;
	if (parser->method != HTTP_CONNECT)
		return 0;
	llhttp_set_error_reason(parser, "CONNECT is not served");
	return -1;
}

/* llhttp has taken a chunk's frame away. */
static int
on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct web_request *w = parser->data;
	char size[CHUNK_OVERHEAD];
	int n;

	if ((parser->flags & F_CHUNKED) == 0)
		return put(w, at, len);
	n = snprintf(size, sizeof(size), "%zx\r\n", len);
	if (put(w, size, (size_t)n) == -1 || put(w, at, len) == -1)
		return -1;
	return put(w, "\r\n", 2);
}

/* Trailers end here: who frames anew may drop them (RFC 9110 6.5.1). */
static int
on_message_complete(llhttp_t *parser)
{
	struct web_request *w = parser->data;

	w->complete = 1;
	if ((parser->flags & F_CHUNKED) != 0 && put(w, "0\r\n\r\n", 5) == -1)
		return -1;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- moving ---- */

void
web_request_init(struct web_request *w, const struct web_rules *rules)
{
	memset(w, 0, sizeof(*w));
	w->rules = *rules;
	llhttp_init(&w->parser, HTTP_REQUEST, &settings);
	w->parser.data = w;
}

void
web_request_refuse(struct web_request *w, int status, const char *reason)
{
	w->phase = WEB_REFUSED;
	w->status = status;
	w->reason = reason;
}

void
web_request_answered(struct web_request *w, int upgraded)
{
	if (w->phase != WEB_ASKED)
		return;
	if (upgraded)
		w->phase = WEB_TUNNEL;
	else
		w->phase = w->keep_alive ? WEB_HEAD : WEB_CLOSED;
}

/* Takes len bytes off buf. */
static void
taken(struct web_request *w, size_t len)
{
	w->len -= len;
	memmove(w->buf, w->buf + len, w->len);
}

/* The phase after a part of a request that llhttp has seen. */
static void
next_phase(struct web_request *w)
{
	if (!w->complete) {
		w->phase = WEB_BODY;
		return;
	}
	llhttp_init(&w->parser, HTTP_REQUEST, &settings);
	w->parser.data = w;
	if (w->asked.upgrade)
		w->phase = WEB_ASKED;
	else
		w->phase = w->keep_alive ? WEB_HEAD : WEB_CLOSED;
}

/*
 * Shows llhttp what the web server gets. Returns how much of it belongs to
 * this request, or -1.
 */
static ssize_t
show(struct web_request *w, const char *text, size_t len)
{
	const char *reason;

	switch (llhttp_execute(&w->parser, text, len)) {
	case HPE_OK:
		return (ssize_t)len;
	case HPE_PAUSED:
		if (w->complete)
			return llhttp_get_error_pos(&w->parser) - text;
		break;
	default:
		break;
	}
	reason = llhttp_get_error_reason(&w->parser);
	web_request_refuse(w, 400,
	    reason != NULL && *reason != '\0' ? reason : "Malformed request");
	return -1;
}

static enum web_moved
move_head(struct web_request *w)
{
	size_t max = w->len < HEAD_FORWARD_MAX ? w->len : HEAD_FORWARD_MAX;
	struct head head;
	size_t len;

	switch (head_parse(&head, w->buf, max, HEAD_FORWARD_MAX)) {
	case HEAD_MORE:
		return WEB_MORE;
	case HEAD_BAD:
		web_request_refuse(w, head.status, head.reason);
		return WEB_STOP;
	case HEAD_DONE:
		break;
	}
	len = web_head_write(
	    &w->rules, &head, w->buf, w->out.at, &w->status, &w->reason);
	if (len == 0) {
		w->phase = WEB_REFUSED;
		return WEB_STOP;
	}
	w->complete = 0;
	w->out.used = len;
	if (show(w, w->out.at, len) == -1) {
		w->out.used = 0; /* not a byte of it */
		return WEB_STOP;
	}
	taken(w, head.length);
	next_phase(w);
	return WEB_BEGUN;
}

static enum web_moved
move_body(struct web_request *w)
{
	size_t room = w->out.size - 3UL * CHUNK_OVERHEAD;
	ssize_t n;

	if (w->len == 0)
		return WEB_MORE;
	/* framed anew, what fits as it came may be longer by a frame */
	n = show(w, w->buf, w->len < room ? w->len : room);
	if (n == -1) {
		w->late = 1;
		return WEB_STOP;
	}
	taken(w, (size_t)n);
	next_phase(w);
	return WEB_MOVED;
}

static enum web_moved
move_tunnel(struct web_request *w)
{
	size_t n = w->len < w->out.size ? w->len : w->out.size;

	if (n == 0)
		return WEB_MORE;
	put(w, w->buf, n);
	taken(w, n);
	return WEB_MOVED;
}

enum web_moved
web_request_move(struct web_request *w, char *out, size_t size, size_t *used)
{
	enum web_moved rc = WEB_STOP;

	w->out = (struct web_output){out, 0, size};
	switch (w->phase) {
	case WEB_HEAD:
		rc = move_head(w);
		break;
	case WEB_BODY:
		rc = move_body(w);
		break;
	case WEB_TUNNEL:
		rc = move_tunnel(w);
		break;
	case WEB_CLOSED:
		w->len = 0;
		rc = WEB_MORE;
		break;
	case WEB_ASKED:
	case WEB_REFUSED:
		break;
	}
	*used = w->out.used;
	return rc;
}
