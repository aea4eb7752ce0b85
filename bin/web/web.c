/* The way to a web server: see web.h. */
#include "web/web.h"
#include "base/container.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* ---- requests ---- */

/*
 * Nothing more passes. Says so once in the log. A body that turns out bad once
 * the web server has its head may have been answered by it: then there is no
 * room for an answer of ours, and the connection breaks.
 */
static ssize_t
refused(const struct web *web)
{
	const struct web_request *r = &web->requests;

	log_event(LOG_NOTICE, "request-refused", "status", LOG_U64(r->status),
	    "reason", r->reason, NULL);
	if (!r->late || web_answers_await_last(&web->answers))
		return 0;
	errno = EPROTO;
	return -1;
}

/* Waits for what only the server's answers can change. */
static ssize_t
hold(struct web *web)
{
	web->client.read_wants = 0;
	errno = EAGAIN;
	return -1;
}

/* One read into the free part of the input. Returns as a channel's read. */
static ssize_t
fill(struct web *web)
{
	struct web_request *r = &web->requests;
	ssize_t n;

	if (web->client_ended)
		return 0;
	n = channel_pass_read(
	    &web->client, r->buf + r->len, sizeof(r->buf) - r->len);
	if (n == 0)
		web->client_ended = 1;
	if (n > 0)
		r->len += (size_t)n;
	return n;
}

static void
note_begun(struct web *web)
{
	struct web_request *r = &web->requests;

	web_answers_expect(&web->answers, &r->asked);
	if (r->asked.upgrade && web->answers.blind)
		web_request_refuse(
		    r, 400, "No upgrade behind answers like these");
}

static ssize_t
client_read(struct channel *ch, void *buf, size_t len)
{
	struct web *web = CONTAINER_OF(ch, struct web, client);
	struct web_request *r = &web->requests;

	for (;;) {
		size_t used = 0;
		ssize_t n;

		if (web->answers.verdict != WEB_UNDECIDED)
			web_request_answered(
			    r, web->answers.verdict == WEB_UPGRADED);
		if (r->phase == WEB_REFUSED)
			return refused(web);
		if (r->phase == WEB_ASKED ||
		    (r->phase == WEB_HEAD && !web_answers_room(&web->answers)))
			return web->client_ended ? 0 : hold(web);
		switch (web_request_move(r, buf, len, &used)) {
		case WEB_BEGUN:
			note_begun(web);
			break;
		case WEB_MORE:
			n = fill(web);
			if (n <= 0)
				return n;
			break;
		case WEB_MOVED:
		case WEB_STOP:
			break;
		}
		if (used > 0)
			return (ssize_t)used;
	}
}

/* ---- answers ---- */

/*
 * What was held may go on. Bytes that wait within TLS or here raise no event
 * of the socket, which can nearly always be written to.
 */
static void
release(struct web *web)
{
	if (web->client.read_wants == 0)
		web->client.read_wants = POLLIN | POLLOUT;
}

static int
owes_refusal(const struct web *web)
{
	return web->requests.phase == WEB_REFUSED && !web->refusal_sent &&
	       (web->requests.late || web_answers_idle(&web->answers));
}

static ssize_t
server_read(struct channel *ch, void *buf, size_t len)
{
	struct web *web = CONTAINER_OF(ch, struct web, server);
	ssize_t n;

	if (owes_refusal(web)) {
		web->refusal_sent = 1;
		return (ssize_t)reply_refusal(
		    buf, web->requests.status, web->requests.reason, 1);
	}
	if (web->refusal_sent)
		return 0;
	n = channel_pass_read(ch, buf, len);
	if (n > 0)
		web_answers_see(&web->answers, buf, (size_t)n);
	if (n == 0)
		web_answers_end(&web->answers);
	if (n >= 0)
		release(web);
	return n;
}

/*
 * No more requests. Where one was refused and nothing is to come of the server,
 * its direction ends too, so that it is read from at once. To one that waits
 * for a body this is no end: it will see a reset.
 */
static int
server_finish(struct channel *ch)
{
	struct web *web = CONTAINER_OF(ch, struct web, server);

	if (owes_refusal(web))
		return shutdown(
		    ch->fd, web->requests.late ? SHUT_RD : SHUT_RDWR);
	return channel_pass_finish(ch);
}

/* ---- both ---- */

void
web_init(struct web *web, const struct web_rules *rules, struct channel *relay,
    const char *buf, size_t len)
{
	static const struct channel_ops ops = {
	    .read = client_read,
	    .write = channel_pass_write,
	    .finish = channel_pass_finish,
	};

	memset(web, 0, sizeof(*web));
	channel_over(&web->client, &ops, relay);
	web_request_init(&web->requests, rules);
	web_answers_init(&web->answers);
	memcpy(web->requests.buf, buf, len);
	web->requests.len = len;
}

void
web_join(struct web *web, struct channel *target)
{
	static const struct channel_ops ops = {
	    .read = server_read,
	    .write = channel_pass_write,
	    .finish = server_finish,
	};

	channel_over(&web->server, &ops, target);
}
