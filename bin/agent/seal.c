/* The agent's part in sealing a session: see seal.h. */
#include "agent/seal.h"
#include "agent/refusal.h"
#include "base/deadline.h"
#include "base/log.h"
#include "http/seal_offer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEND_MS 10000

static enum agent_seal_result
fail(const struct agent_request *r, const char *why)
{
	log_event(LOG_WARNING, "seal-failed", "reason", why, "client",
	    r->head.forwarded_for, NULL);
	return AGENT_BROKE;
}

static enum agent_seal_result
refuse(const struct agent_request *r, struct channel *relay, int status,
    const char *reason)
{
	log_event(LOG_NOTICE, "not-sealed", "reason", reason, "client",
	    r->head.forwarded_for, NULL);
	agent_refuse(relay, &r->head, status, reason);
	return AGENT_REFUSED;
}

/* The stone's first message, and what it may have sent behind its head. */
static int
feed(struct channel_sealed *s, const struct agent_request *r,
    const struct seal_offer *offer, struct failure *f)
{
	if (channel_sealed_feed(s, offer->hello, offer->len) == 0 &&
	    channel_sealed_feed(
		s, r->buf + r->head.length, r->len - r->head.length) == 0)
		return 0;
	return failure(f, "%s", strerror(errno));
}

/* The answer, and the handshake, whose first flight follows it directly. */
static int
shake_hands(struct channel_sealed *s, struct channel *relay,
    const struct seal_offer *offer, int64_t deadline, struct failure *f)
{
	const char *answer =
	    offer->marked
		? "HTTP/1.1 200 OK\r\n" SEAL_ANSWER_FIELD SEAL_BARE_FIELD "\r\n"
		: "HTTP/1.1 200 OK\r\n" SEAL_ANSWER_FIELD "\r\n";

	if (channel_write_all(
		relay, answer, strlen(answer), deadline_in(SEND_MS)) == -1)
		return failure(f, "the answer: %s", strerror(errno));
	if (channel_sealed_handshake(s, offer->marked, deadline) == -1) {
		seal_failure(s->ssl, errno, f);
		return -1;
	}
	return seal_check(s->ssl, f);
}

/*
 * The request that counts comes inside, where no relay reads or changes it; but
 * a relay alone knows the client's address.
 */
static int
read_request(struct channel_sealed *s, struct agent_request *r,
    int64_t deadline, struct failure *f)
{
	char client[sizeof(r->head.forwarded_for)];
	enum head_result rc;

	memcpy(client, r->head.forwarded_for, sizeof(client));
	r->len = 0;
	while ((rc = head_parse(&r->head, r->buf, r->len, HEAD_MAX_BYTES)) ==
	       HEAD_MORE) {
		const ssize_t n = channel_read_by(&s->channel, r->buf + r->len,
		    sizeof(r->buf) - r->len, deadline);

		if (n <= 0) {
			failure(f, "no request inside: %s",
			    n == 0 ? "it ended" : strerror(errno));
			break;
		}
		r->len += (size_t)n;
	}
	if (rc == HEAD_BAD)
		failure(f, "the request inside: %s", r->head.reason);
	memcpy(r->head.forwarded_for, client, sizeof(client));
	return rc == HEAD_DONE ? 0 : -1;
}

static enum agent_seal_result
seal(struct channel_sealed *s, const struct agent_conf *conf,
    struct channel *relay, struct agent_request *r,
    const struct seal_offer *offer)
{
	const int64_t deadline = deadline_in(SEAL_HANDSHAKE_MS);
	SSL *ssl = seal_start(&conf->seal, relay->fd);
	struct failure f;

	if (ssl == NULL) {
		tls_error_text(&f);
		return fail(r, f.text);
	}
	if (channel_sealed(s, relay, ssl) == -1)
		return fail(r, strerror(errno));
	if (feed(s, r, offer, &f) == 0 &&
	    shake_hands(s, relay, offer, deadline, &f) == 0 &&
	    read_request(s, r, deadline, &f) == 0)
		return AGENT_SEALED;
	channel_abort(&s->channel);
	return fail(r, f.text);
}

enum agent_seal_result
agent_seal_run(struct channel_sealed *s, const struct agent_conf *conf,
    struct channel *relay, struct agent_request *r)
{
	static struct seal_offer offer;

	if (conf->seal.mode == SEAL_OFF)
		return AGENT_PLAIN;
	if (seal_offer_read(&offer, &r->head, r->buf) == -1)
		return refuse(r, relay, 400, "X-Seal is not one offer");
	if (offer.len > 0)
		return seal(s, conf, relay, r, &offer);
	if (conf->seal.mode == SEAL_AUTO)
		return AGENT_PLAIN;
	return refuse(r, relay, 403, "Sealed sessions only");
}
