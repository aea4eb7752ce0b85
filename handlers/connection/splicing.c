/*
 * The session of a handler: how it begins, the splice, how it ended. See
 * state.h.
 */
#include "base/log.h"
#include "connection/broker_orders.h"
#include "connection/carried.h"
#include "connection/head_delivery.h"
#include "connection/state.h"

#include <stdio.h>
#include <string.h>

/* ---- MATCHED ---- */

/* Whether the client can do without the relay's TLS, and may. */
static int
can_go_bare(const struct handler *h)
{
	return h->head.bare && (h->role == ROLE_AGENT || h->head.seal) &&
	       SSL_version(h->tls.ssl) == TLS1_3_VERSION &&
	       h->conf->bare == BARE_YES;
}

static enum head_delivery
deliver_head(struct handler *h)
{
	struct flow *up = &h->splice.ab;
	enum head_delivery rc;
	int offered = 0;

	if (h->role == ROLE_STONE)
		return head_delivery_stone(&h->tls.channel, &h->hop, &h->head,
		    h->buf, h->peer, can_go_bare(h));
	rc = head_delivery_agent(
	    &h->tls, &h->hop, h->head.agent != 0, can_go_bare(h), up, &offered);
	if (!offered)
		return rc;
	seal_watch(&h->watch, &h->tls.channel);
	seal_watch_look(&h->watch, up->buf, up->len);
	up->from = h->splice.ba.to = &h->watch.channel;
	return rc;
}

enum state
run_matched(struct handler *h)
{
	enum head_delivery rc;

	splice_init(&h->splice, &h->tls.channel, NULL);
	rc = deliver_head(h);
	log_event(rc == MATCHED_TAKEN ? LOG_INFO : LOG_NOTICE, "matched", "id",
	    LOG_ID(h->registration.session), "role", handler_role(h), "peer",
	    h->peer, "result", head_delivery_word(rc), NULL);
	switch (rc) {
	case MATCHED_TAKEN:
		carried_drop(h);
		return SPLICING;
	case MATCHED_OTHER_GONE:
		hop_close(&h->hop);
		registration_wait_again(&h->registration);
		return h->registration.fd == -1 ? REGISTERING : WAITING;
	case MATCHED_UNCONFIRMED:
		registration_end(&h->registration, END_UNCONFIRMED, 0, 0, 0);
		break;
	case MATCHED_CLIENT_GONE:
		registration_end(&h->registration, END_PEER_ERROR, 0, 0, 0);
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

enum state
splicing_end(struct handler *h, enum splice_result rc)
{
	const struct broker_orders_account all = broker_orders_account(h);
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
	    h->peer, "in", LOG_U64(all.in), "out", LOG_U64(all.out), "reason",
	    ends[rc].word, NULL);
	registration_end(
	    &h->registration, ends[rc].reason, all.in, all.out, all.tls);
	h->in_order = rc == SPLICE_DONE;
	if (rc != SPLICE_DONE)
		channel_abort(&h->tls.channel);
	return ENDED;
}

enum state
run_splicing(struct handler *h)
{
	struct splice_control control = broker_orders_control(h);
	enum splice_result rc;

	channel_hop(&h->other, &h->hop);
	h->splice.ab.to = h->splice.ba.from = &h->other.channel;
	if (h->role == ROLE_STONE)
		preload_stone(h);
	h->head_bytes = h->tls.channel.arrived - h->splice.ab.len;
	h->splice.stops_at_end = h->hop.marked;
	rc = splice_run(&h->splice, &control);
	return rc == SPLICE_AT_END ? BARE : splicing_end(h, rc);
}
