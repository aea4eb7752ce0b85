/*
 * Whether a client is who a handler, or another relay by relay-peer, says:
 * relay-keyd(8) has vouched for the certificate to this very process. See
 * state.h.
 */
#include "base/deadline.h"
#include "base/log.h"
#include "state.h"

#include <stdio.h>

#define SECRET_MS 200  /* for who has just vouched: it is there */
#define PAUSE_MS  1000 /* between two questions for the secret */

/*
 * It is asked for as soon as a voucher comes that nothing explains: with the
 * first, and where relay-keyd was set up anew. That waits, within bounds: what
 * comes meanwhile is of the same relay-keyd.
 */
static int
ask_for_secret(struct broker *b)
{
	struct failure f;

	if (deadline_left(b->proof.next) > 0)
		return -1;
	b->proof.next = deadline_in(PAUSE_MS);
	if (voucher_secret_ask(b->proof.secret, b->conf.keyd, SECRET_MS, &f) ==
	    0) {
		b->proof.known = 1;
		return 0;
	}
	log_event(
	    LOG_ERR, "no-secret", "keyd", b->conf.keyd, "reason", f.text, NULL);
	return -1;
}

static int
is_good(const struct broker *b, const struct conn *c, const uint8_t *voucher,
    const uint8_t *der, size_t len)
{
	const enum voucher_kind kind = c->waiter.forwarded &&
					       c->waiter.role == ROLE_STONE
					   ? VOUCHER_ELSEWHERE
					   : VOUCHER_HERE;

	return b->proof.known && voucher_is_good(voucher, b->proof.secret, kind,
				     der, len, c->who.pid);
}

static void
log_unproven(const struct conn *c, const char *result, const char *reason)
{
	char hex[IDENTITY_HEX_SIZE];

	identity_hex(&c->certificate->identity, hex);
	log_event(LOG_WARNING, "unproven", "pid", LOG_U64(c->who.pid), "peer",
	    c->peer, "node", c->node, "identity", hex, "result", result,
	    "reason", reason, NULL);
}

static int
refuse(struct broker *b, struct conn *c, const char *reason, const char *text)
{
	struct message m = {.type = MESSAGE_REFUSED, .u.refused.status = 403};

	log_unproven(c, "refused", reason);
	b->totals.refused_total++;
	snprintf(m.u.refused.reason, sizeof(m.u.refused.reason), "%s", text);
	wire_send(c->fd, &m, NULL);
	conn_drop(b, c);
	return -1;
}

int
proof_demand(struct broker *b, struct conn *c, const uint8_t *voucher,
    const uint8_t *der, size_t len)
{
	if (b->conf.keyd == NULL)
		return 0;
	if (!voucher_is_there(voucher)) {
		if (b->conf.proof == PROOF_REQUIRE)
			return refuse(b, c, "none",
			    "The relay has no proof of this certificate");
		log_unproven(c, "taken", "none");
		return 0;
	}
	if (is_good(b, c, voucher, der, len) ||
	    (ask_for_secret(b) == 0 && is_good(b, c, voucher, der, len)))
		return 0;
	return refuse(b, c, "not of relay-keyd, for this process",
	    "The relay has no proof of this certificate");
}
