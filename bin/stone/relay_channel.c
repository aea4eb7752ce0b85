/* A TLS channel without the relay's answer: see relay_channel.h. */
#include "stone/relay_channel.h"
#include "base/container.h"

#include <errno.h>
#include <openssl/ssl.h>
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

size_t
relay_channel_rest(struct relay_channel *a, void *buf, size_t size)
{
	size_t n = a->len - a->at;

	if (n > size)
		n = size;
	memcpy(buf, a->buf + a->at, n);
	a->at += n;
	return n;
}

int
relay_channel_hear(struct relay_channel *a)
{
	while (a->state == ANSWER_AWAITED) {
		ssize_t n = channel_pass_read(
		    &a->channel, a->buf + a->len, sizeof(a->buf) - a->len);

		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
		a->len += (size_t)n;
		judge(a);
	}
	return 0;
}

/* Hands out what came behind the head, and then what comes. */
static ssize_t
read_answer(struct channel *ch, void *buf, size_t len)
{
	struct relay_channel *a = CONTAINER_OF(
	    ch, struct relay_channel, channel);

	if (relay_channel_hear(a) == -1)
		return -1;
	if (a->state != ANSWER_GOOD) {
		errno = EPROTO;
		return -1;
	}
	return a->at < a->len ? (ssize_t)relay_channel_rest(a, buf, len)
			      : channel_pass_read(ch, buf, len);
}

static void
lay_over(struct relay_channel *a, struct channel *under)
{
	static const struct channel_ops ops = {
	    .read = read_answer,
	    .write = channel_pass_write,
	    .finish = channel_pass_finish,
	    .expect_bulk = channel_pass_bulk,
	};

	channel_over(&a->channel, &ops, under);
	a->state = ANSWER_AWAITED;
	a->at = a->len = 0;
}

void
relay_channel_init(struct relay_channel *a, SSL *ssl)
{
	channel_tls(&a->tls, ssl);
	lay_over(a, &a->tls.channel);
	a->is_sealed = 0;
}

int
relay_channel_offer(struct relay_channel *a, SSL *ssl, int direct)
{
	/* many a proxy ends both directions where TCP ends one */
	a->can_be_bare = direct && SSL_version(a->tls.ssl) == TLS1_3_VERSION;
	return channel_sealed(&a->sealed, &a->tls.channel, ssl);
}

void
relay_channel_seal(struct relay_channel *a)
{
	lay_over(a, &a->sealed.channel);
	a->is_sealed = 1;
}

const char *
relay_channel_seal_word(const struct relay_channel *a)
{
	if (!a->is_sealed)
		return "none";
	return channel_sealed_is_bare(&a->sealed) ? "bare" : "sealed";
}
