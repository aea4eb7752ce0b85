/* A TLS channel without the relay's answer: see relay_channel.h. */
#include "stone/relay_channel.h"
#include "base/container.h"

#include <errno.h>
#include <string.h>

/* Judges what has come of the head. */
static void
judge(struct relay_channel *a)
{
	int rc = response_parse(&a->response, a->buf, a->len);

	if (rc == -1)
		a->state = ANSWER_NOT_HTTP;
	else if (rc == 1)
		/* 101: the request may ask a web server for a WebSocket */
		a->state = a->response.status / 100 == 2 ||
				   a->response.status == 101
			       ? ANSWER_GOOD
			       : ANSWER_REFUSED;
	a->at = a->response.length;
}

/* Hands out what came behind the head, and then what comes. */
static ssize_t
take_rest(struct relay_channel *a, void *buf, size_t len)
{
	size_t n = a->len - a->at;

	if (n == 0)
		return channel_pass_read(&a->channel, buf, len);
	if (n > len)
		n = len;
	memcpy(buf, a->buf + a->at, n);
	a->at += n;
	return (ssize_t)n;
}

static ssize_t
read_answer(struct channel *ch, void *buf, size_t len)
{
	struct relay_channel *a = CONTAINER_OF(
	    ch, struct relay_channel, channel);

	while (a->state == ANSWER_AWAITED) {
		ssize_t n = channel_pass_read(
		    ch, a->buf + a->len, sizeof(a->buf) - a->len);

		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
		a->len += (size_t)n;
		judge(a);
	}
	if (a->state == ANSWER_GOOD)
		return take_rest(a, buf, len);
	errno = EPROTO;
	return -1;
}

void
relay_channel_init(struct relay_channel *a, SSL *ssl)
{
	static const struct channel_ops ops = {
	    .read = read_answer,
	    .write = channel_pass_write,
	    .finish = channel_pass_finish,
	    .expect_bulk = channel_pass_bulk,
	};

	channel_tls(&a->tls, ssl);
	channel_over(&a->channel, &ops, &a->tls.channel);
	a->state = ANSWER_AWAITED;
	a->at = a->len = 0;
}
