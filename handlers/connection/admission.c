/*
 * The first two states of a handler: the TLS handshake with its certificate
 * check, behind what a balancer says; and the request head that tells the role.
 * See state.h.
 */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/failure.h"
#include "base/log.h"
#include "channel/tcp.h"
#include "config/certificate.h"
#include "connection/balancer.h"
#include "connection/carried.h"
#include "connection/report.h"
#include "connection/reverify.h"
#include "connection/state.h"
#include "tls/key_updates.h"
#include "tls/keyd_client.h"
#include "tls/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
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
was_probe(const struct handler *h)
{
	log_event(LOG_DEBUG, "probe", "peer", h->peer, NULL);
	return -1;
}

/* Returns 0, or -1 where the client has left without a byte. */
static int
await_first_byte(const struct handler *h, int64_t deadline)
{
	struct pollfd pfd = {.fd = h->tls.channel.fd, .events = POLLIN};

	poll(&pfd, 1, deadline_left(deadline));
	return is_probe(pfd.fd) ? was_probe(h) : 0;
}

/* Who is behind a balancer. Returns 0, or -1 where it has to end. */
static int
take_proxy_header(struct handler *h, int64_t deadline)
{
	static const struct tls_refusal none;
	const int sock = h->tls.channel.fd;
	struct failure f;

	switch (balancer_connects(h->conf, sock)) {
	case 0:
		return 0;
	case -1: /* a balancer resets what it only looks at */
		return was_probe(h);
	}
	if (balancer_read_header(sock, deadline, h->peer, &f) == -1) {
		report_handshake(h, &none, EPROTO, f.text);
		log_event(LOG_NOTICE, "tls-refused", "peer", h->peer, "reason",
		    f.text, NULL);
		return -1;
	}
	return await_first_byte(h, deadline);
}

/*
 * Whether all valid forms of the client's certificate are known: the issuer's
 * key, if of an elliptic curve, is on one whose order certificate.h names.
 */
static int
has_known_forms(SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	int n = sk_X509_num(chain);
	EVP_PKEY *key;
	char curve[32];

	if (n < 1)
		return 0;
	key = X509_get0_pubkey(sk_X509_value(chain, n > 1 ? 1 : 0));
	if (key == NULL)
		return 0;
	if (!EVP_PKEY_is_a(key, "EC"))
		return 1;
	return EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
	       (strcmp(curve, "prime256v1") == 0 ||
		   strcmp(curve, "secp384r1") == 0 ||
		   strcmp(curve, "secp521r1") == 0);
}

/* Returns 0, or -1 with the reason in f. */
static int
take_certificate(struct handler *h, struct failure *f)
{
	X509 *cert = SSL_get1_peer_certificate(h->tls.ssl);
	struct certificate certificate;
	int len = -1;

	if (cert != NULL)
		len = i2d_X509(cert, &h->der);
	X509_free(cert);
	if (len <= 0 || len > MESSAGE_DER_MAX)
		return failure(f, "client certificate too large");
	if (reverify_take(&h->subject, h->tls.ssl) == -1)
		return failure(f, "out of memory");
	if (certificate_read(&certificate, h->der, (size_t)len) == -1)
		return failure(f, "client certificate is not strict DER");
	if (!has_known_forms(h->tls.ssl))
		return failure(f, "client certificate of an unknown curve");
	h->der_len = (uint32_t)len;
	identity_hex(&certificate.identity, h->identity);
	h->fingerprint = certificate.fingerprints[0];
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

/*
 * Has relay-keyd vouch for the client, of TLS 1.3. What becomes of one without
 * a voucher is for the broker to say.
 */
static void
prove(struct handler *h, const struct transcript *t)
{
	struct failure f;

	memset(h->voucher, 0, sizeof(h->voucher));
	if (h->conf->keyd == NULL ||
	    SSL_version(h->tls.ssl) != TLS1_3_VERSION ||
	    keyd_client_prove(h->conf->keyd, t, h->voucher, &f) == 0)
		return;
	log_event(LOG_ERR, "no-proof", "peer", h->peer, "identity", h->identity,
	    "reason", f.text, NULL);
}

/* Who it is, and what shows that. Returns 0, or -1 with the reason in f. */
static int
identify(struct handler *h, const struct transcript *t, struct failure *f)
{
	if (take_certificate(h, f) == -1) {
		h->der_len = 0;
		return -1;
	}
	prove(h, t);
	carried_take(h, t);
	return 0;
}

/*
 * Completes it, and keeps what passes, for a proof. Returns as tls_handshake
 * does.
 */
static int
shake_hands(struct handler *h, SSL *ssl, struct transcript *t, int64_t deadline,
    struct failure *f)
{
	int rc, error;

	if (h->conf->keyd != NULL)
		transcript_begin(t, ssl);
	if (carried_has_proof(h->conf))
		SSL_set_mode(ssl, SSL_MODE_SEND_SERVERHELLO_TIME);
	rc = tls_handshake(ssl, deadline, f);
	error = errno;
	if (rc == 0 && key_updates_bound(ssl, h->tls.channel.fd) == -1) {
		errno = EPROTO;
		return failure(f, "out of memory");
	}
	errno = error;
	return rc;
}

enum state
run_handshake(struct handler *h)
{
	struct transcript t = {0};
	int64_t deadline = deadline_in((int64_t)h->conf->tls_timeout * 1000);
	int sock = h->tls.channel.fd;
	struct tls_refusal refusal;
	struct failure f;
	SSL *ssl;
	int rc;

	/* who was woken has had all this, and is there */
	if (h->woken == NULL && (await_first_byte(h, deadline) == -1 ||
				    take_proxy_header(h, deadline) == -1))
		return ENDED;
	ssl = tls_server_start(h->material, sock,
	    h->conf->crl_expired == CRL_EXPIRED_WARN, &refusal);
	if (ssl == NULL) {
		tls_error_text(&f);
		log_event(LOG_ERR, "tls-failed", "peer", h->peer, "reason",
		    f.text, NULL);
		return ENDED;
	}
	channel_tls(&h->tls, ssl);
	if (shake_hands(h, ssl, &t, deadline, &f) == -1) {
		transcript_free(&t);
		report_handshake(h, &refusal, errno, f.text);
		log_event(LOG_NOTICE, "tls-refused", "peer", h->peer, "reason",
		    f.text, "subject", refusal.subject, "identity",
		    refusal.identity, NULL);
		let_alert_through(sock);
		return ENDED;
	}
	rc = identify(h, &t, &f);
	transcript_free(&t);
	if (rc == -1) {
		report_handshake(h, &refusal, EKEYREJECTED, f.text);
		log_event(LOG_NOTICE, "tls-refused", "peer", h->peer, "reason",
		    f.text, NULL);
		return ENDED;
	}
	if (refusal.crl_expired)
		log_event(LOG_WARNING, "crl-expired", "crl", h->conf->crl,
		    "peer", h->peer, NULL);
	h->not_after = reverify_not_after(ssl);
	h->expires = deadline_in(
	    (int64_t)(h->not_after - time(NULL) + 1) * 1000);
	if (h->is_last)
		tls_forget(h->material, ssl);
	else
		tls_let_go(ssl);
	return HEAD;
}

/* ---- HEAD ---- */

/*
 * Reads until the head is there. Returns head_parse's answer, or HEAD_MORE with
 * errno: ETIMEDOUT or ECONNRESET.
 */
static enum head_result
read_head(struct handler *h, int64_t deadline)
{
	enum head_result rc = HEAD_MORE;

	while (rc == HEAD_MORE) {
		ssize_t n = channel_read_by(&h->tls.channel, h->buf + h->len,
		    sizeof(h->buf) - h->len, deadline);

		if (n <= 0) {
			if (n == 0 || errno != ETIMEDOUT)
				errno = ECONNRESET;
			return HEAD_MORE;
		}
		h->len += (size_t)n;
		rc = head_parse(&h->head, h->buf, h->len, HEAD_MAX_BYTES);
	}
	return rc;
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
		return handler_refuse(
		    h, REFUSAL_REQUEST, h->head.status, h->head.reason);
	case HEAD_MORE:
		if (errno == ETIMEDOUT)
			return handler_refuse(
			    h, REFUSAL_REQUEST, 408, "No request head in time");
		log_event(LOG_INFO, "left", "peer", h->peer, "identity",
		    h->identity, "state", "head", NULL);
		return ENDED;
	case HEAD_DONE:
		break;
	}
	if (h->head.kind == HEAD_NOT_FOUND) {
		h->in_order = 1;
		return handler_refuse(
		    h, REFUSAL_REQUEST, 404, "Below /KLAB/ there is only poll");
	}
	if (h->head.kind == HEAD_PAGE)
		return PAGE;
	if (h->head.kind == HEAD_POLL && !only_blank(h))
		return handler_refuse(
		    h, REFUSAL_REQUEST, 400, "Data behind the poll");
	h->role = h->head.kind == HEAD_POLL ? ROLE_AGENT : ROLE_STONE;
	h->match_by = deadline_in((int64_t)h->conf->match_timeout * 1000);
	h->keepalive = h->trim_at = h->park_at = DEADLINE_NONE;
	if (h->role == ROLE_AGENT)
		carried_drop(h);
	registration_init(&h->registration, h->conf->socket, h->role, wants(h),
	    h->head.agent, h->peer, h->der, h->der_len);
	if (h->woken != NULL)
		h->registration.self.id = h->woken->id;
	memcpy(h->registration.self.voucher, h->voucher, sizeof(h->voucher));
	h->registration.self.chain_len = h->chain_len;
	h->registration.self.proof_len = h->proof_len;
	h->registration.checks = h->role == ROLE_AGENT && h->head.check;
	return REGISTERING;
}
