/* A sealed channel: see channel_sealed.h. */
#include "channel/channel_sealed.h"
#include "base/container.h"
#include "base/deadline.h"
#include "channel/sealed_link.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

static struct channel_sealed *
sealed_of(struct channel *ch)
{
	return CONTAINER_OF(ch, struct channel_sealed, channel);
}

/* ---- reading ---- */

/* Behind the inner close_notify there is the end of what carried it alone. */
static ssize_t
read_end(struct channel_sealed *s)
{
	char byte;
	const ssize_t n = sealed_link_pull(s, &byte, 1);

	if (n <= 0)
		return n;
	s->broken = 1;
	errno = ECONNRESET;
	return -1;
}

/*
 * Opens the records that are there, as far as they fit. Returns OpenSSL's
 * reason for the end, or SSL_ERROR_NONE.
 */
static int
open_records(struct channel_sealed *s, char *buf, size_t len, size_t *got)
{
	while (*got < len) {
		size_t n;
		int rc;

		ERR_clear_error();
		rc = SSL_read_ex(s->ssl, buf + *got, len - *got, &n);
		if (rc != 1)
			return SSL_get_error(s->ssl, rc);
		*got += n;
	}
	return SSL_ERROR_NONE;
}

static ssize_t
sealed_read(struct channel *ch, void *buf, size_t len)
{
	struct channel_sealed *s = sealed_of(ch);
	size_t got = 0;

	while (!s->broken) {
		const int why = open_records(s, buf, len, &got);
		ssize_t n;

		ch->arrived += got;
		if (got > 0) {
			/* OpenSSL tells of an error once */
			s->broken = why == SSL_ERROR_SSL;
			return (ssize_t)got;
		}
		if (why == SSL_ERROR_ZERO_RETURN)
			return read_end(s);
		if (why == SSL_ERROR_WANT_WRITE) {
			/* an answer to a KeyUpdate has no room */
			if (sealed_link_flush(s) == 0)
				continue;
			ch->read_wants = ch->write_wants;
			return -1;
		}
		if (why != SSL_ERROR_WANT_READ)
			break;
		n = sealed_link_fill(s);
		if (n == -1)
			return -1;
		if (n == 0) /* cut on the way */
			s->broken = 1;
	}
	s->broken = 1;
	errno = ECONNRESET;
	return -1;
}

/* ---- writing ---- */

/* A new key in time: see CHANNEL_TLS_KEY_RECORDS. */
static void
count_record(struct channel_sealed *s)
{
	if (++s->records >= CHANNEL_TLS_KEY_RECORDS &&
	    SSL_key_update(s->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
		s->records = 0;
}

/* Seals as much as goes out at once. Returns 0, or -1 with errno. */
static int
seal(struct channel_sealed *s, const char *buf, size_t len)
{
	int rc = 1;
	size_t n;

	if (len > SEALED_GATHER_MAX)
		len = SEALED_GATHER_MAX;
	while (s->accepted < len) {
		ERR_clear_error();
		rc = SSL_write_ex(
		    s->ssl, buf + s->accepted, len - s->accepted, &n);
		if (rc != 1)
			break;
		s->accepted += n;
		count_record(s);
	}
	if (s->accepted > 0)
		return 0;
	/* a message of the other end's handshake that has come in part */
	s->channel.write_wants = POLLIN;
	errno = SSL_get_error(s->ssl, rc) == SSL_ERROR_WANT_READ ? EAGAIN
								 : ECONNRESET;
	return -1;
}

/* What is sealed counts as written when all of it is: see channel_write. */
static ssize_t
sealed_write(struct channel *ch, const void *buf, size_t len)
{
	struct channel_sealed *s = sealed_of(ch);
	size_t n;

	if (s->accepted == 0 &&
	    (sealed_link_flush(s) == -1 || seal(s, buf, len) == -1))
		return -1;
	if (sealed_link_flush(s) == -1)
		return -1;
	n = s->accepted;
	s->accepted = 0;
	return (ssize_t)n;
}

/* ---- ends ---- */

/*
 * Our close_notify, behind a KeyUpdate that may be under way. OpenSSL would
 * answer the other end's KeyUpdates still; that goes nowhere.
 */
static int
make_end(struct channel_sealed *s)
{
	BIO *nowhere = BIO_new(BIO_s_null());

	ERR_clear_error();
	if (nowhere == NULL ||
	    (SSL_in_init(s->ssl) && SSL_do_handshake(s->ssl) != 1) ||
	    SSL_shutdown(s->ssl) < 0) {
		BIO_free(nowhere);
		errno = ECONNRESET;
		return -1;
	}
	SSL_set0_wbio(s->ssl, nowhere);
	s->closed = 1;
	return 0;
}

static int
sealed_finish(struct channel *ch)
{
	struct channel_sealed *s = sealed_of(ch);

	if (s->finished)
		return 0;
	if (!s->closed && (sealed_link_flush(s) == -1 || make_end(s) == -1))
		return -1;
	if (sealed_link_flush(s) == -1)
		return -1;
	if (s->out == SEALED_OUTER && sealed_link_finish(s) == -1)
		return -1;
	if (s->marked && shutdown(ch->fd, SHUT_WR) == -1)
		return -1;
	s->finished = 1;
	return 0;
}

/* Of a marked session, nothing is read ahead of the outer TLS's last record. */
static void
sealed_expect_bulk(struct channel *ch)
{
	if (!sealed_of(ch)->marked)
		channel_pass_bulk(ch);
}

static void
sealed_release(struct channel *ch)
{
	struct channel_sealed *s = sealed_of(ch);

	SSL_free(s->ssl);
	BIO_free(s->link);
	s->ssl = NULL;
	s->link = NULL;
}

void
channel_sealed_drop(struct channel_sealed *s)
{
	sealed_release(&s->channel);
}

int
channel_sealed(struct channel_sealed *s, struct channel *outer, SSL *ssl)
{
	static const struct channel_ops ops = {
	    .read = sealed_read,
	    .write = sealed_write,
	    .finish = sealed_finish,
	    .expect_bulk = sealed_expect_bulk,
	    .release = sealed_release,
	};
	BIO *inner;

	*s = (struct channel_sealed){.ssl = ssl};
	channel_over(&s->channel, &ops, outer);
	s->channel.arrived = 0;
	if (sealed_link_open(s, &inner) == -1) {
		SSL_free(ssl);
		s->ssl = NULL;
		errno = ENOMEM;
		return -1;
	}
	SSL_set_bio(ssl, inner, inner);
	return 0;
}

/* ---- the handshake ---- */

size_t
channel_sealed_hello(struct channel_sealed *s, void *buf, size_t size)
{
	size_t len;
	int n;

	ERR_clear_error();
	if (SSL_do_handshake(s->ssl) == 1)
		return 0; /* it cannot be done yet */
	len = BIO_ctrl_pending(s->link);
	if (len > size)
		return 0;
	n = BIO_read(s->link, buf, (int)len);
	return n > 0 ? (size_t)n : 0;
}

int
channel_sealed_feed(struct channel_sealed *s, const void *records, size_t len)
{
	if (len == 0 || BIO_write(s->link, records, (int)len) == (int)len)
		return 0;
	errno = EMSGSIZE;
	return -1;
}

/* Waits for what is still to be read or written. Returns 0, or -1 likewise. */
static int
wait_for(const struct channel_sealed *s, int reads, int64_t deadline)
{
	struct pollfd pfd = {.fd = s->channel.fd};

	if (reads)
		pfd.events |= s->channel.read_wants;
	if (BIO_ctrl_pending(s->link) > 0 || !reads)
		pfd.events |= s->channel.write_wants;
	if (poll(&pfd, 1, deadline_left(deadline)) != 0)
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

/* What it wrote leaves as far as it can. */
static int
flush_some(struct channel_sealed *s)
{
	return sealed_link_flush(s) == 0 || errno == EAGAIN ? 0 : -1;
}

/* The alert leaves, which tells the other end; the reason stays in the queue.
 */
static void
flush_alert(struct channel_sealed *s)
{
	const unsigned long error = ERR_peek_last_error();

	flush_some(s);
	if (error != 0)
		ERR_raise(ERR_GET_LIB(error), ERR_GET_REASON(error));
}

int
channel_sealed_handshake(struct channel_sealed *s, int marked, int64_t deadline)
{
	s->marked = marked;
	for (;;) {
		ssize_t n = -1;
		int rc, why;

		ERR_clear_error();
		rc = SSL_do_handshake(s->ssl);
		why = SSL_get_error(s->ssl, rc);
		s->open = rc == 1;
		if (rc != 1 && why != SSL_ERROR_WANT_READ) {
			flush_alert(s);
			errno = EPROTO;
			return -1;
		}
		if (flush_some(s) == -1)
			return -1;
		if (s->open && BIO_ctrl_pending(s->link) == 0)
			return 0;
		if (!s->open)
			n = sealed_link_fill(s);
		if (n > 0 && deadline_left(deadline) > 0)
			continue;
		if (n == 0) {
			errno = 0;
			return -1;
		}
		if (!s->open && n == -1 && errno != EAGAIN)
			return -1;
		if (wait_for(s, !s->open, deadline) == -1)
			return -1;
	}
}

int
channel_sealed_is_bare(const struct channel_sealed *s)
{
	return s->in == SEALED_BARE && s->out == SEALED_BARE;
}
