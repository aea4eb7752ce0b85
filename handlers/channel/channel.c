/* The three kinds of channels: see channel.h. */
#include "channel/channel.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "channel/hop.h"
#include "channel/tcp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define TLS_RECORD_MAX 16384 /* plaintext bytes, RFC 8446 5.1 */
#define TLS_READ_AHEAD 65792 /* four records on the wire */

/* ---- TLS ---- */

/* Turns an OpenSSL result into errno; EAGAIN sets what to poll for. */
static int
tls_error(SSL *ssl, int rc, short *wants)
{
	int saved = errno;

	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*wants = POLLIN;
		errno = EAGAIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		*wants = POLLOUT;
		errno = EAGAIN;
		break;
	case SSL_ERROR_SYSCALL:
		errno = saved != 0 ? saved : ECONNRESET;
		break;
	default: /* an alert, a bad record, EOF without close_notify */
		errno = ECONNRESET;
	}
	return -1;
}

/* Removes leading CR and LF from buf; the first other byte ends that. */
static size_t
strip_blank(struct channel *ch, char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && (buf[n] == '\r' || buf[n] == '\n'))
		n++;
	if (n < len)
		ch->drop_blank = 0;
	memmove(buf, buf + n, len - n);
	return len - n;
}

/* OpenSSL tells of a fatal alert once; after that it looks like a clean end. */
static int
is_broken(const SSL *ssl, int rc)
{
	int why = SSL_get_error(ssl, rc);

	return why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL;
}

static ssize_t
tls_read(struct channel *ch, void *buf, size_t len)
{
	size_t got = 0, n;
	int rc = 0;

	if (ch->broken) {
		errno = ECONNRESET;
		return -1;
	}
	/* fill buf with as many records as are there */
	while (len - got > 0) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_read_ex(ch->ssl, (char *)buf + got, len - got, &n);
		if (rc != 1)
			break;
		ch->arrived += n;
		if (ch->drop_blank)
			n = strip_blank(ch, (char *)buf + got, n);
		got += n;
		if (got == 0 && !SSL_has_pending(ch->ssl)) {
			/* only blank: poll(2) tells of more, without a read */
			ch->read_wants = POLLIN;
			errno = EAGAIN;
			return -1;
		}
		if (got > 0 && len - got < TLS_RECORD_MAX &&
		    !SSL_has_pending(ch->ssl))
			break;
	}
	if (got > 0) {
		if (rc != 1 && is_broken(ch->ssl, rc))
			ch->broken = 1;
		return (ssize_t)got;
	}
	if (SSL_get_error(ch->ssl, rc) == SSL_ERROR_ZERO_RETURN)
		return 0;
	return tls_error(ch->ssl, rc, &ch->read_wants);
}

static ssize_t
tls_write_records(struct channel *ch, const char *buf, size_t len)
{
	size_t sent = 0, n;
	int rc = 1;

	while (sent < len) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_write_ex(ch->ssl, buf + sent, len - sent, &n);
		if (rc != 1)
			break;
		sent += n;
	}
	if (sent > 0)
		return (ssize_t)sent;
	return tls_error(ch->ssl, rc, &ch->write_wants);
}

/* Several records leave as one: that saves most of what TCP costs. */
static ssize_t
tls_write(struct channel *ch, const void *buf, size_t len)
{
	ssize_t n;

	if (len <= TLS_RECORD_MAX)
		return tls_write_records(ch, buf, len);
	tcp_cork(ch->fd, 1);
	n = tls_write_records(ch, buf, len);
	tcp_cork(ch->fd, 0);
	return n;
}

/* close_notify; TLS keeps the other direction open (RFC 8446 6.1). */
static int
tls_finish(struct channel *ch)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_shutdown(ch->ssl);
	if (rc >= 0)
		return 0;
	return tls_error(ch->ssl, rc, &ch->write_wants);
}

void
channel_tls(struct channel *ch, SSL *ssl)
{
	/* not every TLS client minds a missing close_notify */
	tcp_reset_on_close(SSL_get_fd(ssl), 1);
	*ch = (struct channel){
	    .fd = SSL_get_fd(ssl),
	    .read = tls_read,
	    .write = tls_write,
	    .finish = tls_finish,
	    .read_wants = POLLIN,
	    .write_wants = POLLOUT,
	    .ssl = ssl,
	};
}

/* ---- hop ---- */

static void *
room(struct channel *ch, size_t *len)
{
	return hop_room(ch->hop, len);
}

static void
put(struct channel *ch, size_t len)
{
	ring_put(&ch->hop->out, len);
}

static const void *
data(struct channel *ch, size_t *len)
{
	return hop_data(ch->hop, len);
}

static void
take(struct channel *ch, size_t len)
{
	ch->arrived += len;
	ring_take(&ch->hop->in, len);
	hop_bell(ch->hop);
}

static ssize_t
hop_write(struct channel *ch, const void *buf, size_t len)
{
	size_t size;
	void *at = hop_room(ch->hop, &size);

	if (at == NULL)
		return -1;
	if (len > size)
		len = size;
	memcpy(at, buf, len);
	ring_put(&ch->hop->out, len);
	return (ssize_t)len;
}

static int
hop_finish(struct channel *ch)
{
	return hop_send(ch->hop, HOP_END, NULL, 0);
}

static int
before_wait(struct channel *ch)
{
	return hop_before_wait(ch->hop);
}

void
channel_hop(struct channel *ch, struct hop *hop)
{
	*ch = (struct channel){
	    .fd = hop->fd,
	    .write = hop_write,
	    .finish = hop_finish,
	    .room = room,
	    .put = put,
	    .data = data,
	    .take = take,
	    .before_wait = before_wait,
	    /* both wait for a bell */
	    .read_wants = POLLIN,
	    .write_wants = POLLIN,
	    .hop = hop,
	};
}

/* ---- TCP ---- */

static ssize_t
tcp_read(struct channel *ch, void *buf, size_t len)
{
	ssize_t n = recv(ch->fd, buf, len, 0);

	if (n > 0)
		ch->arrived += (uint64_t)n;
	return n;
}

static ssize_t
tcp_write(struct channel *ch, const void *buf, size_t len)
{
	return send(ch->fd, buf, len, MSG_NOSIGNAL);
}

static int
tcp_finish(struct channel *ch)
{
	return shutdown(ch->fd, SHUT_WR);
}

void
channel_tcp(struct channel *ch, int fd)
{
	tcp_reset_on_close(fd, 1);
	*ch = (struct channel){
	    .fd = fd,
	    .read = tcp_read,
	    .write = tcp_write,
	    .finish = tcp_finish,
	    .read_wants = POLLIN,
	    .write_wants = POLLOUT,
	};
}

/* ---- all ---- */

static void
release(struct channel *ch, int with_reset)
{
	tcp_reset_on_close(ch->fd, with_reset);
	SSL_free(ch->ssl);
	ch->ssl = NULL;
	fd_close(&ch->fd);
}

void
channel_expect_bulk(struct channel *ch)
{
	if (ch->ssl == NULL)
		return;
	SSL_set_read_ahead(ch->ssl, 1);
	SSL_set_default_read_buffer_len(ch->ssl, TLS_READ_AHEAD);
}

void
channel_close(struct channel *ch)
{
	release(ch, 0);
}

void
channel_abort(struct channel *ch)
{
	release(ch, 1);
}

void
channel_linger(struct channel *ch, int64_t deadline)
{
	struct pollfd pfd = {.fd = ch->fd, .events = POLLIN};
	char waste[4096];

	ch->finish(ch);
	shutdown(ch->fd, SHUT_WR);
	do {
		if (poll(&pfd, 1, deadline_left(deadline)) <= 0)
			break;
	} while (recv(ch->fd, waste, sizeof(waste), 0) > 0 &&
		 deadline_left(deadline) > 0);
}

int
channel_write_all(
    struct channel *ch, const void *buf, size_t len, int64_t deadline)
{
	const char *at = buf;

	while (len > 0) {
		ssize_t n = ch->write(ch, at, len);
		struct pollfd pfd = {.fd = ch->fd, .events = ch->write_wants};

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN)
			return -1;
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}
