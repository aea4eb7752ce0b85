/* A TLS connection as a channel: see channel_tls.h. */
#include "channel/channel_tls.h"
#include "base/container.h"
#include "channel/tcp.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>

#define TLS_RECORD_MAX 16384 /* plaintext bytes, RFC 8446 5.1 */
#define TLS_READ_AHEAD 65792 /* four records on the wire */

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
strip_blank(struct channel_tls *tls, char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && (buf[n] == '\r' || buf[n] == '\n'))
		n++;
	if (n < len)
		tls->drop_blank = 0;
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
	struct channel_tls *tls = CONTAINER_OF(ch, struct channel_tls, channel);
	size_t got = 0, n;
	int rc = 0;

	if (tls->broken) {
		errno = ECONNRESET;
		return -1;
	}
	/* fill buf with as many records as are there */
	while (len - got > 0) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_read_ex(tls->ssl, (char *)buf + got, len - got, &n);
		if (rc != 1)
			break;
		ch->arrived += n;
		if (tls->drop_blank)
			n = strip_blank(tls, (char *)buf + got, n);
		got += n;
		if (got == 0 && !SSL_has_pending(tls->ssl)) {
			/* only blank: poll(2) tells of more, without a read */
			ch->read_wants = POLLIN;
			errno = EAGAIN;
			return -1;
		}
		if (got > 0 && len - got < TLS_RECORD_MAX &&
		    !SSL_has_pending(tls->ssl))
			break;
	}
	if (got > 0) {
		if (rc != 1 && is_broken(tls->ssl, rc))
			tls->broken = 1;
		return (ssize_t)got;
	}
	if (SSL_get_error(tls->ssl, rc) == SSL_ERROR_ZERO_RETURN)
		return 0;
	return tls_error(tls->ssl, rc, &ch->read_wants);
}

/*
 * Counts a record that is out, and has the next one follow a new key where it
 * is time. Never asks for the peer's in return: OpenSSL fails where two of
 * these come while a write is blocked. TLS 1.2 has no new keys.
 */
static void
count_record(struct channel_tls *tls)
{
	if (++tls->records < CHANNEL_TLS_KEY_RECORDS ||
	    SSL_version(tls->ssl) != TLS1_3_VERSION)
		return;
	if (SSL_key_update(tls->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
		tls->records = 0;
}

static ssize_t
tls_write_records(struct channel *ch, const char *buf, size_t len)
{
	struct channel_tls *tls = CONTAINER_OF(ch, struct channel_tls, channel);
	size_t sent = 0, n;
	int rc = 1;

	while (sent < len) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_write_ex(tls->ssl, buf + sent, len - sent, &n);
		if (rc != 1)
			break;
		sent += n;
		count_record(tls);
	}
	if (sent > 0)
		return (ssize_t)sent;
	return tls_error(tls->ssl, rc, &ch->write_wants);
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

/*
 * close_notify; TLS keeps the other direction open (RFC 8446 6.1). A KeyUpdate
 * that is still to be written goes first: OpenSSL would fail. Behind the alert
 * it would answer the peer's all the same, so it writes to nowhere from then
 * on. And a second SSL_shutdown would read.
 */
static int
tls_finish(struct channel *ch)
{
	struct channel_tls *tls = CONTAINER_OF(ch, struct channel_tls, channel);
	BIO *nowhere;
	int rc;

	if (tls->finished)
		return 0;
	ERR_clear_error();
	errno = 0;
	if (SSL_in_init(tls->ssl)) {
		rc = SSL_do_handshake(tls->ssl);
		if (rc != 1)
			return tls_error(tls->ssl, rc, &ch->write_wants);
	}
	rc = SSL_shutdown(tls->ssl);
	if (rc < 0)
		return tls_error(tls->ssl, rc, &ch->write_wants);
	nowhere = BIO_new(BIO_s_null());
	if (nowhere == NULL) {
		errno = ENOMEM;
		return -1;
	}
	SSL_set0_wbio(tls->ssl, nowhere);
	tls->finished = 1;
	return 0;
}

static void
tls_expect_bulk(struct channel *ch)
{
	SSL *ssl = CONTAINER_OF(ch, struct channel_tls, channel)->ssl;

	SSL_set_read_ahead(ssl, 1);
	SSL_set_default_read_buffer_len(ssl, TLS_READ_AHEAD);
}

void
channel_tls_forget(struct channel_tls *tls)
{
	SSL_free(tls->ssl);
	tls->ssl = NULL;
}

static void
tls_release(struct channel *ch)
{
	channel_tls_forget(CONTAINER_OF(ch, struct channel_tls, channel));
}

void
channel_tls(struct channel_tls *tls, SSL *ssl)
{
	static const struct channel_ops ops = {
	    .read = tls_read,
	    .write = tls_write,
	    .finish = tls_finish,
	    .expect_bulk = tls_expect_bulk,
	    .release = tls_release,
	};

	/* not every TLS client minds a missing close_notify */
	tcp_reset_on_close(SSL_get_fd(ssl), 1);
	*tls = (struct channel_tls){
	    .channel =
		{
		    .ops = &ops,
		    .fd = SSL_get_fd(ssl),
		    .read_wants = POLLIN,
		    .write_wants = POLLOUT,
		},
	    .ssl = ssl,
	};
}
