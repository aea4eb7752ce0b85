/* What carries a sealed channel's records: see sealed_link.h. */
#include "channel/sealed_link.h"

#include <errno.h>
#include <openssl/bio.h>
#include <poll.h>
#include <sys/socket.h>

/* Records on their way in: what one read of the socket may bring. */
#define IN_SIZE 131072

/* And out: what is gathered, the records' own bytes, and a few messages. */
#define OUT_SIZE (SEALED_GATHER_MAX + 16384)

/* ---- what carries the records ---- */

ssize_t
sealed_link_pull(struct channel_sealed *s, void *buf, size_t len)
{
	struct channel *outer = s->channel.under;
	ssize_t n;

	if (s->in == SEALED_OUTER) {
		n = channel_read(outer, buf, len);
		s->channel.read_wants = outer->read_wants;
		if (n != 0 || !s->marked)
			return n;
		s->in = SEALED_BARE;
	}
	s->channel.read_wants = POLLIN;
	return recv(outer->fd, buf, len, 0);
}

static ssize_t
push(struct channel_sealed *s, const void *buf, size_t len)
{
	struct channel *outer = s->channel.under;
	ssize_t n;

	if (s->out == SEALED_OUTER) {
		n = channel_write(outer, buf, len);
		s->channel.write_wants = outer->write_wants;
		return n;
	}
	s->channel.write_wants = POLLOUT;
	return send(outer->fd, buf, len, MSG_NOSIGNAL);
}

int
sealed_link_finish(struct channel_sealed *s)
{
	const int rc = channel_finish(s->channel.under);

	s->channel.write_wants = s->channel.under->write_wants;
	return rc;
}

/* ---- the buffers ---- */

int
sealed_link_open(struct channel_sealed *s, BIO **inner)
{
	return BIO_new_bio_pair(inner, OUT_SIZE, &s->link, IN_SIZE) == 1 ? 0
									 : -1;
}

ssize_t
sealed_link_fill(struct channel_sealed *s)
{
	char *at;
	const int room = BIO_nwrite0(s->link, &at);
	ssize_t n;

	if (room <= 0) { /* OpenSSL asks for more with a full buffer */
		errno = EPROTO;
		return -1;
	}
	n = sealed_link_pull(s, at, (size_t)room);
	if (n > 0)
		BIO_nwrite(s->link, &at, (int)n);
	return n;
}

int
sealed_link_flush(struct channel_sealed *s)
{
	char *at;
	int len;

	while ((len = BIO_nread0(s->link, &at)) > 0) {
		const ssize_t n = push(s, at, (size_t)len);

		if (n == -1)
			return -1;
		BIO_nread(s->link, &at, (int)n);
	}
	if (!s->marked || !s->open || s->out == SEALED_BARE)
		return 0;
	if (sealed_link_finish(s) == -1)
		return -1;
	s->out = SEALED_BARE;
	return 0;
}
