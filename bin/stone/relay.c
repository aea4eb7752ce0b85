/* The way to the relay: see relay.h. */
#include "stone/relay.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "stone/status.h"
#include "tls/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS   20000 /* to find and reach the relay */
#define HANDSHAKE_MS 10000

/* The place of the relay, as lines have it where there are several. */
static const char *
place(const struct forward *forward, char text[static RELAY_TEXT_MAX])
{
	if (forward->conf->relays.n < 2)
		return NULL;
	relay_text(forward->relay, text);
	return text;
}

void
stone_relay_unreachable(
    struct forward *forward, const char *why, const char *peer)
{
	failure(&forward->last, "%s", why);
	stone_status_tell(forward, why);
	log_event(LOG_WARNING, "not-connected", "relay", forward->relay->host,
	    "port", forward->relay->port, "reason", why, "peer", peer, NULL);
}

/* The TLS connection; it owns fd. */
static SSL *
start_tls(struct forward *forward, int fd, int64_t deadline, struct failure *f)
{
	const char *name = forward->conf->tls.servername.text;
	SSL *ssl = tls_client_start(
	    &forward->tls, fd, name != NULL ? name : forward->relay->host);

	if (ssl == NULL)
		tls_error_text(f);
	else if (tls_handshake(ssl, deadline, f) == -1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	return ssl;
}

/* While the key is there. Returns 0, or -1 with a reason in f. */
static int
prepare_seal(struct relay_channel *relay, const struct forward *forward,
    const struct proxy *proxy, struct failure *f)
{
	SSL *ssl;

	if (forward->seal.mode == SEAL_OFF)
		return 0;
	ssl = seal_start(&forward->seal, relay->channel.fd);
	if (ssl == NULL) {
		tls_error_text(f);
		return -1;
	}
	if (relay_channel_offer(
		relay, ssl, !proxy_serves(proxy, forward->relay)) == 0)
		return 0;
	return failure(f, "%s", strerror(errno));
}

int
stone_relay_open(struct relay_channel *relay, struct forward *forward,
    const struct proxy *proxy, int64_t by, struct failure *f)
{
	int fd = proxy_dial(proxy, forward->relay,
	    deadline_first(by, deadline_in(CONNECT_MS)), f);
	SSL *ssl;

	if (fd == -1)
		return -1;
	ssl = start_tls(
	    forward, fd, deadline_first(by, deadline_in(HANDSHAKE_MS)), f);
	if (ssl == NULL) {
		fd_close(&fd);
		return -1;
	}
	relay_channel_init(relay, ssl);
	if (prepare_seal(relay, forward, proxy, f) == 0)
		return 0;
	channel_abort(&relay->channel);
	return -1;
}

void
stone_relay_forget_keys(struct relay_channel *relay, struct forward *forward)
{
	tls_forget(&forward->tls, relay->tls.ssl);
	seal_forget(&forward->seal);
}

ssize_t
stone_relay_answer(struct relay_channel *relay, struct forward *forward,
    void *buf, size_t size, int64_t deadline)
{
	struct channel *ch = &relay->channel;

	for (;;) {
		ssize_t n = channel_read_by(ch, buf, size, deadline);
		const int none = n == -1 && errno == EAGAIN;

		if (relay->state == ANSWER_GOOD && (n > 0 || none)) {
			stone_status_tell(forward, "");
			return none ? 0 : n;
		}
		if (!none) {
			stone_relay_unanswered(relay, forward,
			    n == -1 && errno == ETIMEDOUT, NULL);
			return -1;
		}
	}
}

void
stone_relay_unanswered(const struct relay_channel *relay,
    struct forward *forward, int late, const char *peer)
{
	char text[RELAY_TEXT_MAX];
	const struct response *r = &relay->response;
	const char *alert = tls_peer_alert();
	char why[128];

	/* many connections at once are nothing to a web server */
	if (peer == NULL && relay->state == ANSWER_REFUSED && !r->explained)
		return;
	if (relay->state == ANSWER_REFUSED) {
		snprintf(why, sizeof(why), "refused: %d %.100s", r->status,
		    r->reason);
		failure(&forward->last, "%s", why);
		stone_status_tell(forward, why);
		log_event(LOG_WARNING, "refused", "status", LOG_U64(r->status),
		    "reason", r->reason, "peer", peer, "relay",
		    place(forward, text), NULL);
	} else if (relay->state == ANSWER_NOT_HTTP)
		stone_relay_unreachable(
		    forward, "the answer is not HTTP", peer);
	else if (late)
		stone_relay_unreachable(forward, "no answer in time", peer);
	else if (alert != NULL) {
		snprintf(why, sizeof(why), "the relay refused, TLS alert: %s",
		    alert);
		stone_relay_unreachable(forward, why, peer);
	} else
		stone_relay_unreachable(forward,
		    "the relay closed the connection; its log says why", peer);
}
