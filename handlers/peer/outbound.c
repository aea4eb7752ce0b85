/* The stone's end of a crossing: see outbound.h. */
#include "peer/outbound.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "channel/tcp.h"
#include "connection/seal_watch.h"
#include "http/head.h"
#include "peer/crossing.h"
#include "peer/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Milliseconds. */
#define CONNECT_MS    1000
#define HANDSHAKE_MS  2000
#define DOWN_MS       5000 /* one that failed is not asked for so long */
#define WAIT_FIRST_MS 250  /* there, for an agent; then twice as long, */
#define ROUND_MS      200  /* and between two rounds */
#define BROKER_MS     1000 /* for the broker here to join the two */

struct search {
	struct peerd *p;
	struct handler *h;
	struct offer offer;
	int life; /* its end: the stone has left, or has another agent */
	size_t places[CONF_PEERS_MAX]; /* whom to ask, the likeliest first; */
	size_t count;                  /* none: all */
	const struct conf_peer *node;  /* which is asked now */
	size_t place;
	int said; /* that one is down still */
};

enum attempt {
	ATTEMPT_NEXT, /* ask another */
	ATTEMPT_DOWN, /* and not this one again, for now */
	ATTEMPT_OVER, /* there was a session, or there is no stone */
};

/* ---- one relay ---- */

static void
log_failed(const struct search *s, const char *reason)
{
	log_event(LOG_WARNING, "node-failed", "node", s->node->name, "id",
	    LOG_ID(s->offer.id), "reason", reason, NULL);
}

/* Waits for fd, or the stone's end. Returns 1, 0 in vain, or -1: that end. */
static int
await(const struct search *s, int fd, short events, int64_t deadline)
{
	struct pollfd pfd[2] = {
	    {.fd = fd, .events = events},
	    {.fd = s->life, .events = POLLIN},
	};
	int rc = poll(pfd, 2, deadline_left(deadline));

	if (rc > 0 && pfd[1].revents != 0)
		return -1;
	return rc > 0 && pfd[0].revents != 0;
}

/* Returns a connected socket, or -1 with *left: the stone has. */
static int
dial(const struct search *s, int *left)
{
	const struct peer_place *place = &s->p->places[s->place];
	int fd = socket(place->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(int);
	int rc, error = 0;

	*left = 0;
	if (fd == -1 || (connect(fd, (const struct sockaddr *)&place->address,
			     place->len) == -1 &&
			    errno != EINPROGRESS))
		goto fail;
	rc = await(s, fd, POLLOUT, deadline_in(CONNECT_MS));
	*left = rc == -1;
	if (rc == 1 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error == 0) {
		tcp_options(fd);
		return fd;
	}
	errno = rc == 1 ? error : ETIMEDOUT;
fail:
	if (!*left)
		log_failed(s, strerror(errno));
	fd_close(&fd);
	return -1;
}

/* Returns 0, or -1 and all is closed again. */
static int
shake_hands(struct search *s, int sock)
{
	SSL *ssl = peer_material_dial(&s->p->material, sock, s->node->name);
	struct failure f;

	if (ssl == NULL) {
		tls_error_text(&f);
		fd_close(&sock);
	} else {
		channel_tls(&s->h->tls, ssl);
		if (tls_handshake(ssl, deadline_in(HANDSHAKE_MS), &f) == 0) {
			if (nodes_tell_link(&s->p->nodes, s->node->name, ssl) ==
			    0)
				return 0;
			failure(&f, "%s", strerror(errno));
		}
		channel_close(&s->h->tls.channel);
	}
	log_failed(s, f.text);
	return -1;
}

/* What it says to OPEN. */
static enum attempt
read_answer(struct search *s)
{
	struct channel *ch = &s->h->tls.channel;
	const int64_t deadline = deadline_in(
	    s->offer.wait_ms + CROSSING_SEND_MS);
	uint8_t body[REFUSED_MAX];
	struct refused r;
	size_t len;
	int rc = await(s, ch->fd, POLLIN, deadline);

	if (rc == -1)
		return ATTEMPT_OVER;
	rc = rc == 0 ? 0 : frame_read(ch, body, sizeof(body), &len, deadline);
	if (rc == FRAME_READY)
		return ATTEMPT_NEXT;
	if (rc != FRAME_REFUSED || refused_decode(&r, body, len) == -1) {
		log_failed(s, "it does not answer as a relay does");
		return ATTEMPT_DOWN;
	}
	log_event(LOG_INFO, "no-agent-there", "node", s->node->name, "id",
	    LOG_ID(s->offer.id), "status", LOG_U64(r.status), "reason",
	    r.reason, NULL);
	return r.scope == REFUSED_NODE ? ATTEMPT_DOWN : ATTEMPT_OVER;
}

/* ---- an agent is held there ---- */

/* Returns 0 once the broker has joined the two, or -1: there is no stone. */
static int
meet(struct search *s)
{
	const int64_t deadline = deadline_in(BROKER_MS);
	struct handler *h = s->h;
	static struct wire_packet packet;
	char place[NETADDR_TEXT_MAX];
	int type;

	netaddr_peer(h->tls.channel.fd, place);
	if (crossing_init(h, &s->p->conf, ROLE_AGENT, s->node->name, place,
		&s->offer) == -1)
		return -1;
	h->registration.self.meets = s->offer.id;
	registration_connect(&h->registration);
	do
		type = crossing_listen(h, &packet, -1, deadline);
	while (type > 0 && type != MESSAGE_MATCHED);
	return type == MESSAGE_MATCHED ? crossing_join(h, &packet) : -1;
}

/* Bytes of a sealed session are known by how it begins (seal_watch.h). */
static void
watch_seal(struct handler *h, const char *head, size_t len)
{
	struct head parsed;

	if (head_parse(&parsed, head, len, HEAD_FORWARD_MAX) != HEAD_DONE ||
	    !parsed.seal)
		return;
	seal_watch(&h->watch, &h->tls.channel);
	h->splice.ab.from = h->splice.ba.to = &h->watch.channel;
}

/* Hands the head on. Returns what the relay there says: its type, or -1. */
static int
hand_over(struct handler *h, const char *head, size_t len)
{
	struct channel *ch = &h->tls.channel;
	const int offers = h->hop.marked && crossing_can_go_bare(h);
	char waste[REFUSED_MAX];
	size_t n;
	int type;

	if (frame_send(ch, offers ? FRAME_OFFER : FRAME_HEAD, head, len,
		deadline_in(CROSSING_SEND_MS)) == -1)
		return -1;
	type = frame_read(
	    ch, waste, sizeof(waste), &n, deadline_in(CROSSING_TAKE_MS));
	return type == FRAME_MARKED && !offers ? -1 : type;
}

/* Returns 0 once the agent there has the stone's head. */
static int
deliver(struct search *s)
{
	struct handler *h = s->h;
	char head[HEAD_FORWARD_MAX];
	ssize_t n = crossing_hop_read(h, HOP_HEAD, HOP_OFFER, head,
	    sizeof(head), deadline_in(CROSSING_HEAD_MS));
	int type = n == -1 ? -1 : hand_over(h, head, (size_t)n);

	if (type != FRAME_TAKEN && type != FRAME_MARKED)
		return -1;
	splice_init(&h->splice, &h->tls.channel, NULL);
	watch_seal(h, head, (size_t)n);
	h->hop.marked = type == FRAME_MARKED;
	return hop_send(
	    &h->hop, h->hop.marked ? HOP_MARKED : HOP_TAKEN, NULL, 0);
}

static void
cross(struct search *s)
{
	struct handler *h = s->h;

	tls_forget(&s->p->material.dials, h->tls.ssl);
	if (meet(s) == -1)
		return; /* the stone has left, or met an agent here */
	if (deliver(s) == -1) {
		log_failed(s, "the agent there has not taken the head");
		registration_end(&h->registration, END_UNCONFIRMED, 0, 0, 0);
		return;
	}
	log_event(LOG_INFO, "crossing-out", "id",
	    LOG_ID(h->registration.session), "node", s->node->name, "stone",
	    LOG_ID(s->offer.id), "peer", s->offer.peer, NULL);
	crossing_run(h);
}

static enum attempt
try(struct search *s)
{
	struct handler *h = s->h;
	uint8_t open[OFFER_MAX];
	enum attempt rc;
	int left, sock = dial(s, &left);

	if (sock == -1)
		return left ? ATTEMPT_OVER : ATTEMPT_DOWN;
	if (shake_hands(s, sock) == -1)
		return ATTEMPT_DOWN;
	s->offer.version = crossing_is_newest(h) ? OFFER_VERSION : 1;
	if (frame_send(&h->tls.channel, FRAME_OPEN, open,
		offer_encode(&s->offer, open),
		deadline_in(CROSSING_SEND_MS)) == -1) {
		log_failed(s, strerror(errno));
		rc = ATTEMPT_DOWN;
	} else
		rc = read_answer(s);
	if (rc == ATTEMPT_NEXT) {
		cross(s);
		rc = ATTEMPT_OVER;
	} else if (rc == ATTEMPT_OVER && await(s, -1, 0, deadline_now()) != -1)
		rc = ATTEMPT_NEXT;
	crossing_close(h);
	channel_close(&h->tls.channel);
	return rc;
}

/* ---- all of them ---- */

/* Others need not find out, either. */
static void
note_down(struct search *s)
{
	s->p->places[s->place].down_until = deadline_in(DOWN_MS);
	nodes_tell_down(&s->p->nodes, s->place, s->offer.id);
}

/* What relay.conf does not have has no place. */
static void
choose(struct search *s, const struct message_nodes *nodes)
{
	const struct relay_conf *conf = &s->p->conf;

	for (uint32_t i = 0; i < nodes->count; i++)
		for (size_t k = 0; k < conf->npeers; k++)
			if (strcmp(nodes->names[i], conf->peers[k].name) == 0)
				s->places[s->count++] = k;
}

/* Asks each once, all of them from one by chance on. */
static enum attempt
ask_all(struct search *s)
{
	const size_t count = s->count > 0 ? s->count : s->p->conf.npeers;
	const size_t from = s->count > 0 ? 0 : deadline_random() % count;

	for (size_t i = 0; i < count; i++) {
		enum attempt rc;

		s->place = (from + i) % count;
		if (s->count > 0)
			s->place = s->places[s->place];
		s->node = &s->p->conf.peers[s->place];
		if (strcmp(s->node->name, s->p->material.name) == 0)
			continue;
		if (deadline_left(s->p->places[s->place].down_until) > 0) {
			if (!s->said++)
				nodes_tell_down(
				    &s->p->nodes, s->place, s->offer.id);
			continue;
		}
		rc = try(s);
		if (rc == ATTEMPT_OVER)
			return ATTEMPT_OVER;
		if (rc == ATTEMPT_DOWN)
			note_down(s);
	}
	return ATTEMPT_NEXT;
}

int
outbound_run(struct peerd *p, const struct message *m, int life)
{
	static struct handler h = {
	    .hop = {.fd = -1}, .registration = {.fd = -1}};
	const struct message_reach *reach = &m->u.reach;
	struct search s = {
	    .p = p,
	    .h = &h,
	    .life = life,
	    .offer = {.id = reach->id,
		.wants = reach->wants,
		.wait_ms = WAIT_FIRST_MS,
		.der_len = reach->der_len,
		.chain_len = reach->chain_len,
		.proof_len = reach->proof_len,
		.key = reach->key,
		.der = m->der},
	};
	const int64_t deadline = deadline_in(
	    (int64_t)p->conf.match_timeout * 1000);

	memcpy(s.offer.peer, reach->peer, sizeof(s.offer.peer));
	choose(&s, &reach->nodes);
	while (deadline_left(deadline) > 0 && ask_all(&s) != ATTEMPT_OVER &&
	       await(&s, -1, 0,
		   deadline_in(ROUND_MS + deadline_jitter(ROUND_MS))) != -1) {
		s.offer.wait_ms *= 2;
		if (s.offer.wait_ms > OFFER_WAIT_MAX)
			s.offer.wait_ms = OFFER_WAIT_MAX;
	}
	fd_close(&s.life);
	return EX_OK;
}
