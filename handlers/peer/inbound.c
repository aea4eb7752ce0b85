/* The agent's end of a crossing: see inbound.h. */
#include "peer/inbound.h"
#include "base/deadline.h"
#include "base/log.h"
#include "channel/tcp.h"
#include "http/head.h"
#include "peer/administrator.h"
#include "peer/crossing.h"
#include "peer/frame.h"
#include "tls/keyd_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define HANDSHAKE_MS 2000
#define OPEN_MS      2000

struct arrival_of {
	struct handler *h;
	int is_admin;              /* and no relay */
	char node[NODE_NAME_SIZE]; /* who it is, by its certificate */
	char from[NETADDR_TEXT_MAX];
	struct offer offer;
	uint8_t open[OFFER_MAX];
};

/* ---- who is it, and what does it want? ---- */

static void
log_refused(const struct arrival_of *a, const char *reason)
{
	log_event(LOG_WARNING, "node-refused", "node", a->node, "peer", a->from,
	    "reason", reason, NULL);
}

/* Returns 0, or -1: the certificate has no name. */
static int
find_name(struct arrival_of *a, SSL *ssl)
{
	X509 *certificate = SSL_get1_peer_certificate(ssl);
	int rc = peer_material_name(certificate, a->node);

	if (rc == -1) {
		rc = peer_material_admin(certificate, a->node);
		a->is_admin = rc == 0;
	}
	X509_free(certificate);
	return rc;
}

/* Returns 0, or -1: it is no relay or administrator of ours. */
static int
shake_hands(struct peerd *p, struct arrival_of *a, int sock)
{
	SSL *ssl = peer_material_accept(&p->material, sock);
	struct failure f;
	int rc;

	if (ssl == NULL) {
		tls_error_text(&f);
		log_refused(a, f.text);
		return -1;
	}
	channel_tls(&a->h->tls, ssl);
	if (tls_handshake(ssl, deadline_in(HANDSHAKE_MS), &f) == -1) {
		log_refused(a, f.text);
		return -1;
	}
	rc = find_name(a, ssl);
	if (rc == -1)
		log_refused(a, "its certificate has no name of a relay");
	else if ((rc = nodes_tell_link(&p->nodes, a->node, ssl)) == -1)
		log_refused(a, strerror(errno));
	tls_forget(&p->material.accepts, ssl);
	return rc;
}

/* Returns 0, or -1 where it does not speak as a relay does. */
static int
read_offer(struct arrival_of *a)
{
	size_t len;
	int type;

	errno = 0;
	type = frame_read(&a->h->tls.channel, a->open, sizeof(a->open), &len,
	    deadline_in(OPEN_MS));
	if (type == FRAME_OPEN && offer_decode(&a->offer, a->open, len) == 0)
		return 0;
	if (type == FRAME_ADMIN) {
		log_refused(a, "it asks as an administrator, and is a relay");
		crossing_refuse(&a->h->tls.channel, REFUSED_NODE, 403,
		    "Not with the certificate of a relay");
		return -1;
	}
	log_refused(a, errno == ETIMEDOUT ? "it says nothing"
					  : "it does not open as a relay does");
	return -1;
}

static void
refuse_stone(struct arrival_of *a, enum refused_scope scope, int status,
    const char *reason, const char *why)
{
	log_event(LOG_WARNING, "stone-refused", "node", a->node, "id",
	    LOG_ID(a->offer.id), "peer", a->offer.peer, "reason", why, NULL);
	crossing_refuse(&a->h->tls.channel, scope, status, reason);
}

/*
 * The stone's certificate is checked here as if the stone had come here: its
 * relay is not believed. Returns 0, or -1.
 */
static int
check_stone(struct peerd *p, struct arrival_of *a)
{
	struct reverify_subject subject;
	struct failure f = {.text = "its certificate cannot be read"};
	enum reverify_verdict verdict = RECHECK_BAD;
	char reason[MESSAGE_REASON_MAX];

	if (crossing_subject(&subject, &a->offer) == 0) {
		verdict = reverify_by(&subject, p->material.clients,
		    p->material.pass_expired_crl, &f);
		reverify_free(&subject);
	}
	X509_STORE_free(p->material.clients);
	p->material.clients = NULL;
	ERR_clear_error();
	if (verdict == RECHECK_GOOD)
		return 0;
	snprintf(reason, sizeof(reason), "Certificate: %.60s", f.text);
	refuse_stone(a, REFUSED_STONE, 403, reason, f.text);
	return -1;
}

/* Whether it is a handshake of the certificate that is offered with it. */
static int
is_of_stone(const struct offer *o, const uint8_t *proof)
{
	struct transcript_parts p;

	return transcript_read(&p, proof, o->proof_len) == NULL &&
	       p.leaf_len == o->der_len &&
	       memcmp(p.leaf, o->der, o->der_len) == 0;
}

/*
 * Has relay-keyd here vouch for the stone by what its relay carries along, to
 * this process. What becomes of one without is for the broker to say. Returns
 * 0, or -1.
 */
static int
check_proof(struct peerd *p, struct arrival_of *a, uint8_t *voucher)
{
	const struct offer *o = &a->offer;
	const uint8_t *proof = o->der + o->der_len + o->chain_len;
	struct failure f = {.text = "its proof is none of this certificate"};

	if (p->conf.keyd == NULL || o->proof_len == 0)
		return 0;
	errno = EACCES;
	if (is_of_stone(o, proof) && keyd_client_witness(p->conf.keyd, proof,
					 o->proof_len, voucher, &f) == 0)
		return 0;
	if (errno == EACCES)
		refuse_stone(a, REFUSED_STONE, 403,
		    "The relay has no proof of this certificate", f.text);
	else /* another stone would not fare better */
		refuse_stone(a, REFUSED_NODE, 503,
		    "The relay cannot check a proof now", f.text);
	return -1;
}

/* ---- an agent for it ---- */

static void
turn_away(struct arrival_of *a, enum refused_scope scope, int status,
    const char *reason)
{
	log_event(LOG_INFO, "turned-away", "node", a->node, "id",
	    LOG_ID(a->offer.id), "peer", a->offer.peer, "status",
	    LOG_U64(status), "reason", reason, NULL);
	crossing_refuse(&a->h->tls.channel, scope, status, reason);
}

/* Returns 0 where the broker has an agent for it, or -1. */
static int
find_agent(struct arrival_of *a)
{
	const int64_t deadline = deadline_in(a->offer.wait_ms + 1);
	struct handler *h = a->h;
	static struct wire_packet packet;

	registration_connect(&h->registration);
	for (;;) {
		/* its relay says nothing before READY: it leaves */
		int type = crossing_listen(
		    h, &packet, h->tls.channel.fd, deadline);

		if (type == MESSAGE_MATCHED)
			return crossing_join(h, &packet);
		if (type == MESSAGE_REFUSED) {
			turn_away(a, REFUSED_KEY,
			    (int)packet.message.u.refused.status,
			    packet.message.u.refused.reason);
			return -1;
		}
		if (type == -1)
			turn_away(a, REFUSED_NODE, 503,
			    h->removal.end != 0 ? h->removal.reason
						: "The relay is restarting");
		else if (type == 0 && deadline_left(deadline) == 0)
			turn_away(a, REFUSED_KEY, 503,
			    "No agent is there for this certificate");
		if (type == -1 || type == 0)
			return -1;
	}
}

/* ---- the session begins ---- */

/*
 * Hands the head on, as one that may be marked where both relays can: *offers.
 * Returns 0, or -1 where that is no head of a stone's handler, which has none
 * of the stone's X-Bare.
 */
static int
deliver(struct arrival_of *a, int *offers)
{
	struct channel *ch = &a->h->tls.channel;
	char head[HEAD_FORWARD_MAX];
	struct head parsed;
	size_t len;
	int type;

	if (frame_send(
		ch, FRAME_READY, NULL, 0, deadline_in(CROSSING_SEND_MS)) == -1)
		return -1;
	type = frame_read(
	    ch, head, sizeof(head), &len, deadline_in(CROSSING_HEAD_MS));
	if (type != FRAME_HEAD && type != FRAME_OFFER)
		return -1;
	if (head_parse(&parsed, head, len, sizeof(head)) != HEAD_DONE ||
	    parsed.length != len || parsed.kind != HEAD_STONE || parsed.bare) {
		log_refused(a, "what it sends is no request head of a stone");
		return -1;
	}
	*offers = type == FRAME_OFFER && crossing_can_go_bare(a->h);
	return hop_send(&a->h->hop, *offers ? HOP_OFFER : HOP_HEAD, head, len);
}

/* Returns 0 once the agent has the head. */
static int
begin(struct arrival_of *a)
{
	struct handler *h = a->h;
	int offers;

	if (deliver(a, &offers) == -1)
		return -1; /* its agent waits on */
	if (crossing_hop_read(h, HOP_TAKEN, offers ? HOP_MARKED : HOP_TAKEN,
		NULL, 0, deadline_in(CROSSING_TAKE_MS)) == -1) {
		/* the broker takes others of that process later then */
		registration_wait_again(&h->registration);
		turn_away(a, REFUSED_KEY, 503, "The agent is gone");
		return -1;
	}
	return frame_send(&h->tls.channel,
	    h->hop.marked ? FRAME_MARKED : FRAME_TAKEN, NULL, 0,
	    deadline_in(CROSSING_SEND_MS));
}

static void
serve(struct peerd *p, struct arrival_of *a)
{
	uint8_t voucher[VOUCHER_BYTES] = {0};
	struct handler *h = a->h;

	if (read_offer(a) == -1 || check_stone(p, a) == -1 ||
	    check_proof(p, a, voucher) == -1)
		return;
	if (crossing_init(h, &p->conf, ROLE_STONE, a->node, a->offer.peer,
		&a->offer) == -1) {
		log_refused(a, "the stone's certificate is not strict DER");
		return;
	}
	h->registration.self.key = a->offer.key;
	memcpy(h->registration.self.voucher, voucher, sizeof(voucher));
	if (find_agent(a) == -1)
		return;
	if (begin(a) == -1) {
		channel_abort(&h->tls.channel);
		return;
	}
	log_event(LOG_INFO, "crossing-in", "id",
	    LOG_ID(h->registration.session), "node", a->node, "stone",
	    LOG_ID(a->offer.id), "peer", a->offer.peer, NULL);
	splice_init(&h->splice, &h->tls.channel, NULL);
	crossing_run(h);
}

int
inbound_run(struct peerd *p, int sock)
{
	static struct handler h = {
	    .hop = {.fd = -1}, .registration = {.fd = -1}};
	static struct arrival_of a = {.h = &h};

	h.tls.channel.fd = sock;
	netaddr_peer(sock, a.from);
	tcp_options(sock);
	if (shake_hands(p, &a, sock) == 0) {
		if (a.is_admin)
			administrator_serve(
			    &h.tls.channel, &p->conf, a.node, a.from);
		else
			serve(p, &a);
	}
	crossing_close(&h);
	channel_close(&h.tls.channel);
	return EX_OK;
}
