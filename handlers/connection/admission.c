/*
 * The first two states of a handler: the TLS handshake with its certificate
 * check, and the request head that tells the role. See state.h.
 */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/failure.h"
#include "base/log.h"
#include "channel/tcp.h"
#include "connection/reverify.h"
#include "connection/state.h"
#include "tls/server.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define ALERT_READS 16 /* of 4 KiB: more than the rest of any handshake */

/* ---- HANDSHAKE ---- */

/* A TCP connect and close without a byte: a health probe, not a fault. */
static int
is_probe(int sock)
{
	char byte;

	ssize_t n = recv(sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n == -1 && errno == ECONNRESET);
}

static int
take_certificate(struct handler *h)
{
	X509 *cert = SSL_get1_peer_certificate(h->tls.ssl);
	struct identity id;
	int len;

	if (cert == NULL)
		return -1;
	len = i2d_X509(cert, &h->der);
	X509_free(cert);
	if (len <= 0 || len > MESSAGE_DER_MAX ||
	    identity_of_der(&id, h->der, (size_t)len) == -1)
		return -1;
	h->der_len = (uint32_t)len;
	identity_hex(&id, h->identity);
	return 0;
}

/*
 * To close a socket with something unread resets it, and the alert with it.
 * What has come is read, and nothing waited for.
 */
static void
let_alert_through(int sock)
{
	char waste[4096];

	shutdown(sock, SHUT_WR);
	for (int i = 0; i < ALERT_READS; i++)
		if (recv(sock, waste, sizeof(waste), MSG_DONTWAIT) <= 0)
			return;
}

enum state
run_handshake(struct handler *h)
{
	int64_t deadline = deadline_in((int64_t)h->conf->tls_timeout * 1000);
	int sock = h->tls.fd;
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	struct tls_refusal refusal;
	struct failure f;
	SSL *ssl;

	poll(&pfd, 1, deadline_left(deadline));
	if (is_probe(sock)) {
		log_event(LOG_DEBUG, "probe", "peer", h->peer, NULL);
		return ENDED;
	}
	ssl = tls_server_start(h->material, sock,
	    h->conf->crl_expired == CRL_EXPIRED_WARN, &refusal);
	if (ssl == NULL) {
		tls_error_text(&f);
		log_event(LOG_ERR, "tls-failed", "peer", h->peer, "reason",
		    f.text, NULL);
		return ENDED;
	}
	channel_tls(&h->tls, ssl);
	if (tls_handshake(ssl, deadline, &f) == -1) {
		log_event(LOG_NOTICE, "tls-refused", "peer", h->peer, "reason",
		    f.text, "subject", refusal.subject, "identity",
		    refusal.identity, NULL);
		let_alert_through(sock);
		return ENDED;
	}
	if (take_certificate(h) == -1) {
		log_event(LOG_NOTICE, "tls-refused", "peer", h->peer, "reason",
		    "client certificate too large", NULL);
		return ENDED;
	}
	if (refusal.crl_expired)
		log_event(LOG_WARNING, "crl-expired", "crl", h->conf->crl,
		    "peer", h->peer, NULL);
	h->not_after = reverify_not_after(ssl);
	h->expires = deadline_in(
	    (int64_t)(h->not_after - time(NULL) + 1) * 1000);
	tls_forget(h->material, ssl);
	return HEAD;
}

/* ---- HEAD ---- */

/* Reads until the head is there. Returns head_parse's answer, or HEAD_MORE. */
static enum head_result
read_head(struct handler *h, int64_t deadline)
{
	for (;;) {
		ssize_t n = h->tls.read(
		    &h->tls, h->buf + h->len, sizeof(h->buf) - h->len);
		struct pollfd pfd = {
		    .fd = h->tls.fd, .events = h->tls.read_wants};

		if (n > 0) {
			enum head_result rc;

			h->len += (size_t)n;
			rc = head_parse(
			    &h->head, h->buf, h->len, HEAD_MAX_BYTES);
			if (rc != HEAD_MORE)
				return rc;
		} else if (n == 0 || errno != EAGAIN) {
			errno = ECONNRESET;
			return HEAD_MORE;
		} else if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return HEAD_MORE;
		}
	}
}

/*
 * What type of customer a stone must be: a request that names a host is one to
 * a web server; a port forwarder's head is only there to get through.
 */
static uint32_t
wants(const struct handler *h)
{
	if (h->role == ROLE_AGENT)
		return 0;
	return h->head.has_host ? CUSTOMER_WEB : CUSTOMER_FORWARD;
}

/* Whether nothing but empty lines came behind the head. */
static int
only_blank(const struct handler *h)
{
	for (size_t i = h->head.length; i < h->len; i++)
		if (h->buf[i] != '\r' && h->buf[i] != '\n')
			return 0;
	return 1;
}

enum state
run_head(struct handler *h)
{
	switch (
	    read_head(h, deadline_in((int64_t)h->conf->head_timeout * 1000))) {
	case HEAD_BAD:
		return handler_refuse(h, h->head.status, h->head.reason);
	case HEAD_MORE:
		if (errno == ETIMEDOUT)
			return handler_refuse(
			    h, 408, "No request head in time");
		log_event(LOG_INFO, "left", "peer", h->peer, "identity",
		    h->identity, "state", "head", NULL);
		return ENDED;
	case HEAD_DONE:
		break;
	}
	if (h->head.kind == HEAD_NOT_FOUND)
		return handler_refuse(
		    h, 404, "Below /KLAB/ there is only poll");
	if (h->head.kind == HEAD_POLL && !only_blank(h))
		return handler_refuse(h, 400, "Data behind the poll");
	h->role = h->head.kind == HEAD_POLL ? ROLE_AGENT : ROLE_STONE;
	h->match_by = deadline_in((int64_t)h->conf->match_timeout * 1000);
	h->keepalive = h->trim_at = DEADLINE_NONE;
	registration_init(&h->registration, h->conf->socket, h->role, wants(h),
	    h->head.agent, h->peer, h->der, h->der_len);
	return REGISTERING;
}
