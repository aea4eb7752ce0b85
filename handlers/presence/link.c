/* A connection to the store: see link.h. */
#define _GNU_SOURCE
#include "presence/link.h"
#include "base/fd.h"
#include "tls/client.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>

int
link_dial(struct link *l, const struct settings_place *place, struct failure *f)
{
	const int on = 1;

	l->ssl = NULL;
	l->want = POLLOUT;
	l->fd = socket(place->address.any.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd == -1)
		return failure(f, "socket: %s", strerror(errno));
	if (!place->is_local) /* a question is small, and does not wait */
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(l->fd, &place->address.any, place->len) == 0 ||
	    errno == EINPROGRESS)
		return 0;
	failure(f, "%s", strerror(errno));
	link_close(l);
	return -1;
}

int
link_connected(struct link *l, struct failure *f)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	return error == 0 ? 0 : failure(f, "%s", strerror(error));
}

/* What OpenSSL waits for; 0: it has failed, as f says. */
static int
waits(struct link *l, int rc, int system, struct failure *f)
{
	switch (SSL_get_error(l->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		l->want = POLLIN;
		return 1;
	case SSL_ERROR_WANT_WRITE:
		l->want = POLLOUT;
		return 1;
	default:
		tls_handshake_failure(l->ssl, system, f);
		return 0;
	}
}

int
link_shake_hands(struct link *l, const struct tls_material *tls,
    const char *host, struct failure *f)
{
	int rc;

	if (l->ssl == NULL) {
		l->ssl = tls_client_start(tls, l->fd, host);
		if (l->ssl == NULL) {
			tls_error_text(f);
			return -1;
		}
	}
	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(l->ssl);
	if (rc == 1)
		return 1;
	return waits(l, rc, errno, f) ? 0 : -1;
}

/* Of a call of the socket without TLS. */
static ssize_t
plain(struct link *l, ssize_t n, short want, struct failure *f)
{
	if (n > 0)
		return n;
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		l->want = want;
		return 0;
	}
	return failure(f, "%s", n == 0 ? "it hangs up" : strerror(errno));
}

ssize_t
link_read(struct link *l, char *buf, size_t size, struct failure *f)
{
	int rc;

	if (l->ssl == NULL)
		return plain(l, recv(l->fd, buf, size, 0), POLLIN, f);
	ERR_clear_error();
	errno = 0;
	rc = SSL_read(l->ssl, buf, (int)size);
	if (rc > 0)
		return rc;
	return waits(l, rc, errno, f) ? 0 : -1;
}

ssize_t
link_write(struct link *l, const char *buf, size_t len, struct failure *f)
{
	int rc;

	if (l->ssl == NULL)
		return plain(
		    l, send(l->fd, buf, len, MSG_NOSIGNAL), POLLOUT, f);
	ERR_clear_error();
	errno = 0;
	rc = SSL_write(l->ssl, buf, len > INT_MAX ? INT_MAX : (int)len);
	if (rc > 0)
		return rc;
	return waits(l, rc, errno, f) ? 0 : -1;
}

void
link_close(struct link *l)
{
	SSL_free(l->ssl);
	l->ssl = NULL;
	fd_close(&l->fd);
}
