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

void
stone_relay_unreachable(
    const struct forward *forward, const char *why, const char *peer)
{
	stone_status_tell(forward, why);
	log_event(LOG_WARNING, "not-connected", "relay",
	    forward->conf->relay.host, "port", forward->conf->relay.port,
	    "reason", why, "peer", peer, NULL);
}

/* The TLS connection; it owns fd. */
static SSL *
start_tls(struct forward *forward, int fd, struct failure *f)
{
	const struct stone_forward *conf = forward->conf;
	SSL *ssl = tls_client_start(&forward->tls, fd,
	    conf->tls.servername.text != NULL ? conf->tls.servername.text
					      : conf->relay.host);

	if (ssl == NULL)
		tls_error_text(f);
	else if (tls_handshake(ssl, deadline_in(HANDSHAKE_MS), f) == -1) {
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
		relay, ssl, !proxy_serves(proxy, &forward->conf->relay)) == 0)
		return 0;
	return failure(f, "%s", strerror(errno));
}

int
stone_relay_open(struct relay_channel *relay, struct forward *forward,
    const struct proxy *proxy, struct failure *f)
{
	int fd = proxy_dial(
	    proxy, &forward->conf->relay, deadline_in(CONNECT_MS), f);
	SSL *ssl;
	int rc;

	if (fd == -1)
		return -1;
	ssl = start_tls(forward, fd, f);
	if (ssl == NULL) {
		fd_close(&fd);
		return -1;
	}
	relay_channel_init(relay, ssl);
	rc = prepare_seal(relay, forward, proxy, f);
	tls_forget(&forward->tls, ssl);
	seal_forget(&forward->seal);
	if (rc == 0)
		return 0;
	channel_abort(&relay->channel);
	return -1;
}

int
stone_relay_connect(struct relay_channel *relay, struct forward *forward,
    const struct proxy *proxy, const char *peer)
{
	struct failure f;

	if (stone_relay_open(relay, forward, proxy, &f) == 0)
		return 0;
	stone_relay_unreachable(forward, f.text, peer);
	return -1;
}

ssize_t
stone_relay_answer(struct relay_channel *relay, const struct forward *forward,
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
    const struct forward *forward, int late, const char *peer)
{
	const struct response *r = &relay->response;
	const char *alert = tls_peer_alert();
	char why[128];

	/* many connections at once are nothing to a web server */
	if (peer == NULL && relay->state == ANSWER_REFUSED && !r->explained)
		return;
	if (relay->state == ANSWER_REFUSED) {
		snprintf(why, sizeof(why), "refused: %d %.100s", r->status,
		    r->reason);
		stone_status_tell(forward, why);
		log_event(LOG_WARNING, "refused", "status", LOG_U64(r->status),
		    "reason", r->reason, "peer", peer, NULL);
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
