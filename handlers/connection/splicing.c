/*
 * The session of a handler: how it begins, the splice, how it ended. See
 * state.h.
 */
#include "base/log.h"
#include "connection/broker_orders.h"
#include "connection/head_delivery.h"
#include "connection/state.h"

#include <stdio.h>
#include <string.h>

/* ---- MATCHED ---- */

enum state
run_matched(struct handler *h)
{
	enum head_delivery rc;

	splice_init(&h->splice, &h->tls.channel, NULL);
	rc = h->role == ROLE_STONE ? head_delivery_stone(&h->tls.channel,
					 &h->hop, &h->head, h->buf, h->peer)
				   : head_delivery_agent(&h->tls, &h->hop,
					 h->head.agent != 0, &h->splice.ab);
	log_event(rc == MATCHED_TAKEN ? LOG_INFO : LOG_NOTICE, "matched", "id",
	    LOG_ID(h->registration.session), "role", handler_role(h), "peer",
	    h->peer, "result", head_delivery_word(rc), NULL);
	switch (rc) {
	case MATCHED_TAKEN:
		return SPLICING;
	case MATCHED_OTHER_GONE:
		hop_close(&h->hop);
		registration_wait_again(&h->registration);
		return h->registration.fd == -1 ? REGISTERING : WAITING;
	case MATCHED_UNCONFIRMED:
		registration_end(&h->registration, END_UNCONFIRMED, 0, 0);
		break;
	case MATCHED_CLIENT_GONE:
		registration_end(&h->registration, END_PEER_ERROR, 0, 0);
		break;
	}
	hop_close(&h->hop);
	channel_abort(&h->tls.channel);
	return ENDED;
}

/* ---- SPLICING ---- */

static void
preload_stone(struct handler *h)
{
	struct flow *up = &h->splice.ab;

	up->len = h->len - h->head.length;
	memcpy(up->buf, h->buf + h->head.length, up->len);
	up->ended = h->ended;
}

/* Tells the log and the broker how the session ended. */
static void
report_end(struct handler *h, enum splice_result rc, uint64_t in, uint64_t out)
{
	const struct {
		enum end_reason reason;
		const char *word;
	} ends[] = {
	    [SPLICE_DONE] = {END_DONE, "done"},
	    [SPLICE_A_BROKE] = {END_PEER_ERROR, "client-error"},
	    [SPLICE_B_BROKE] = {END_OTHER_SIDE, "other-side-error"},
	    [SPLICE_STOPPED] = {h->removal.end, h->removal.reason},
	};

	log_event(rc == SPLICE_STOPPED ? LOG_NOTICE : LOG_INFO, "end", "id",
	    LOG_ID(h->registration.session), "role", handler_role(h), "peer",
	    h->peer, "in", LOG_U64(in), "out", LOG_U64(out), "reason",
	    ends[rc].word, NULL);
	registration_end(&h->registration, ends[rc].reason, in, out);
}

enum state
run_splicing(struct handler *h)
{
	struct splice_control control;
	struct channel_hop hop;
	enum splice_result rc;

	channel_hop(&hop, &h->hop);
	h->splice.ab.to = h->splice.ba.from = &hop.channel;
	if (h->role == ROLE_STONE)
		preload_stone(h);
	h->head_bytes = h->tls.channel.arrived - h->splice.ab.len;
	control = broker_orders_control(h, &hop.channel);
	rc = splice_run(&h->splice, &control);
	report_end(
	    h, rc, h->tls.channel.arrived - h->head_bytes, hop.channel.arrived);
	if (rc != SPLICE_DONE)
		channel_abort(&h->tls.channel);
	return ENDED;
}
