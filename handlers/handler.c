/*
 * The handler's states; each function serves one and returns the next.
 *
 *	HANDSHAKE -> HEAD -> REGISTERED -> WAITING -> MATCHED -> SPLICING
 *	    |         |          |           | ^________|           |
 *	    |         +----------+-----------+-> CLOSING            |
 *	    +--------------------------------------> ENDED <--------+
 *
 * REGISTERED asks the broker for a place and, where the broker restarts, asks
 * anew from WAITING. MATCHED hands the head over and falls back to WAITING
 * where the other side was gone before the session began.
 */
#define _GNU_SOURCE
#include "handler.h"
#include "channel.h"
#include "deadline.h"
#include "fd.h"
#include "head.h"
#include "hop.h"
#include "log.h"
#include "matched.h"
#include "program.h"
#include "registration.h"
#include "reply.h"
#include "splice.h"
#include "tcp.h"
#include "tls_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_MS	30000 /* an empty line to an idle agent */
#define LINGER_MS	2000  /* for the client to read a refusal */
#define SEND_MS		10000 /* for a reply to leave */

enum state {
	HANDSHAKE,
	HEAD,
	REGISTERED,
	WAITING,
	MATCHED,
	SPLICING,
	CLOSING,
	ENDED
};

struct handler {
	const struct conf *conf;
	struct tls_material *material;
	struct channel tls;
	struct registration registration;
	struct head head;
	enum role role;
	int signals;	   /* signalfd */
	int hop;	   /* -1 until matched */
	int64_t match_by;  /* a stone's; DEADLINE_NONE for an agent */
	int64_t keepalive; /* an agent's next empty line */
	int welcomed;	   /* the agent has its 200 */
	uint8_t *der;
	uint32_t der_len;
	char peer[NETADDR_TEXT_MAX];
	char identity[IDENTITY_HEX_SIZE];
	size_t len; /* what is in buf: the head and what came behind it */
	char buf[2 * HEAD_MAX_BYTES];
	struct splice splice;
};

/* What a wait ended with. */
enum event { EVENT_BROKER, EVENT_TIMEOUT, EVENT_CLIENT_GONE, EVENT_DRAIN };

static const char *
role_name(const struct handler *h)
{
	return h->role == ROLE_AGENT ? "agent" : "stone";
}

/* ---- replies ---- */

static enum state
refuse(struct handler *h, int status, const char *reason)
{
	char out[REPLY_MAX];
	size_t len = reply_refusal(out, status, reason, h->head.has_host);

	log_event(LOG_NOTICE, "refused", "status", LOG_U64(status), "reason",
	    reason, "peer", h->peer, "identity", h->identity, NULL);
	if (channel_write_all(&h->tls, out, len, deadline_in(SEND_MS)) == -1)
		return ENDED;
	return CLOSING;
}

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

static enum state
run_handshake(struct handler *h)
{
	int64_t deadline = deadline_in(h->conf->tls_timeout * 1000);
	int sock = h->tls.fd;
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	struct tls_refusal refusal;
	char err[256];
	SSL *ssl;

	poll(&pfd, 1, deadline_left(deadline));
	if (is_probe(sock)) {
		log_event(LOG_DEBUG, "probe", "peer", h->peer, NULL);
		return ENDED;
	}
	ssl = tls_server_start(h->material, sock, &refusal);
	if (ssl == NULL) {
		tls_error_text(err, sizeof(err));
		log_event(LOG_ERR, "tls-failed", "peer", h->peer, "reason",
		    err, NULL);
		return ENDED;
	}
	channel_tls(&h->tls, ssl);
	if (tls_handshake(ssl, deadline, err, sizeof(err)) == -1) {
		log_event(LOG_NOTICE, "tls-refused", "peer", h->peer, "reason",
		    err, "subject", refusal.subject, "identity",
		    refusal.identity, NULL);
		return ENDED;
	}
	if (take_certificate(h) == -1) {
		log_event(LOG_NOTICE, "tls-refused", "peer", h->peer, "reason",
		    "client certificate too large", NULL);
		return ENDED;
	}
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

/* Whether nothing but empty lines came behind the head. */
static int
only_blank(const struct handler *h)
{
	for (size_t i = h->head.length; i < h->len; i++)
		if (h->buf[i] != '\r' && h->buf[i] != '\n')
			return 0;
	return 1;
}

static enum state
run_head(struct handler *h)
{
	switch (read_head(h, deadline_in(h->conf->head_timeout * 1000))) {
	case HEAD_BAD:
		return refuse(h, h->head.status, h->head.reason);
	case HEAD_MORE:
		if (errno == ETIMEDOUT)
			return refuse(h, 408, "No request head in time");
		log_event(LOG_INFO, "left", "peer", h->peer, "identity",
		    h->identity, "state", "head", NULL);
		return ENDED;
	case HEAD_DONE:
		break;
	}
	if (h->head.kind == HEAD_NO_PLACE)
		return refuse(h, 404, "Below /KLAB/ there is only poll");
	if (h->head.kind == HEAD_POLL && !only_blank(h))
		return refuse(h, 400, "Data behind the poll");
	h->role = h->head.kind == HEAD_POLL ? ROLE_AGENT : ROLE_STONE;
	h->match_by = deadline_in(h->conf->match_timeout * 1000);
	h->keepalive = DEADLINE_NONE;
	registration_init(&h->registration, h->conf->socket, h->role,
	    h->head.agent, h->peer, h->der, h->der_len);
	return REGISTERED;
}

/* ---- waiting, common to REGISTERED and WAITING ---- */

/*
 * A waiting agent may send empty lines and nothing else. What a waiting stone
 * sends is left in the kernel for the session.
 */
static int
agent_is_there(struct handler *h)
{
	char buf[256];
	ssize_t n;

	h->tls.drop_blank = 1;
	n = h->tls.read(&h->tls, buf, sizeof(buf));
	if (n == -1 && errno == EAGAIN)
		return 1;
	if (n > 0)
		log_event(LOG_NOTICE, "agent-spoke-early", "peer", h->peer,
		    "identity", h->identity, NULL);
	return 0;
}

static int
send_keepalive(struct handler *h)
{
	h->keepalive = deadline_in(KEEPALIVE_MS);
	return channel_write_all(
	    &h->tls, "\r\n", 2, deadline_in(SEND_MS));
}

/* One poll of the client, the broker and the signals. */
static enum event
wait_once(struct handler *h, int64_t deadline)
{
	struct pollfd pfd[3] = {
	    {.fd = h->tls.fd,
		.events = h->role == ROLE_AGENT ? h->tls.read_wants : 0},
	    {.fd = h->registration.fd, .events = POLLIN},
	    {.fd = h->signals, .events = POLLIN},
	};
	int64_t until = deadline_first(
	    deadline, registration_due(&h->registration));

	poll(pfd, 3, deadline_left(deadline_first(until, h->keepalive)));
	if (pfd[2].revents != 0)
		return EVENT_DRAIN;
	if (pfd[0].revents != 0 &&
	    (h->role == ROLE_STONE || !agent_is_there(h)))
		return EVENT_CLIENT_GONE;
	if (deadline_left(h->keepalive) == 0 && send_keepalive(h) == -1)
		return EVENT_CLIENT_GONE;
	if (deadline_left(deadline) == 0)
		return EVENT_TIMEOUT;
	return EVENT_BROKER;
}

/* The ways out that do not depend on the broker. */
static enum state
stop_waiting(struct handler *h, enum event event)
{
	if (event == EVENT_TIMEOUT && h->registration.fd == -1)
		return refuse(h, 503, "The relay is restarting");
	if (event == EVENT_TIMEOUT)
		return refuse(h, 503, "No agent is there for this certificate");
	log_event(LOG_INFO, event == EVENT_DRAIN ? "drained" : "left", "role",
	    role_name(h), "peer", h->peer, "identity", h->identity, NULL);
	if (event == EVENT_DRAIN && !h->welcomed)
		return refuse(h, 503, "The relay is stopping");
	return event == EVENT_DRAIN ? CLOSING : ENDED;
}

/* ---- REGISTERED ---- */

/* The agent gets its entitlement at once; a stone only waits. */
static enum state
welcome(struct handler *h, const struct message_welcome *m)
{
	char out[REPLY_MAX];

	if (h->role == ROLE_STONE || h->welcomed)
		return WAITING;
	h->welcomed = 1;
	h->match_by = DEADLINE_NONE;
	h->keepalive = deadline_in(KEEPALIVE_MS);
	if (channel_write_all(&h->tls, out, reply_poll(out, m->customer),
		deadline_in(SEND_MS)) == -1)
		return ENDED;
	log_event(LOG_INFO, "agent-waits", "peer", h->peer, "identity",
	    h->identity, NULL);
	return WAITING;
}

static enum state
refused_by_broker(struct handler *h, const struct message_refused *m)
{
	/* a waiting agent has its answer already: only its poll ends */
	return h->welcomed ? CLOSING : refuse(h, (int)m->status, m->reason);
}

static enum state
run_registered(struct handler *h)
{
	struct wire_packet packet;

	for (;;) {
		enum event event;

		registration_connect(&h->registration);
		event = wait_once(h, h->match_by);
		if (event != EVENT_BROKER)
			return stop_waiting(h, event);
		if (!registration_receive(&h->registration, &packet))
			continue;
		fd_close(&packet.fd); /* none comes before the welcome */
		if (packet.message.type == MESSAGE_WELCOME)
			return welcome(h, &packet.message.u.welcome);
		if (packet.message.type == MESSAGE_REFUSED)
			return refused_by_broker(h, &packet.message.u.refused);
	}
}

/* ---- WAITING ---- */

static enum state
run_waiting(struct handler *h)
{
	struct wire_packet packet;

	for (;;) {
		enum event event = wait_once(h, h->match_by);

		if (event != EVENT_BROKER)
			return stop_waiting(h, event);
		if (registration_receive(&h->registration, &packet)) {
			if (packet.message.type == MESSAGE_MATCHED) {
				h->hop = packet.fd;
				return MATCHED;
			}
			if (packet.message.type == MESSAGE_REFUSED)
				return refused_by_broker(
				    h, &packet.message.u.refused);
		}
		if (h->registration.fd == -1)
			return REGISTERED;
	}
}

/* ---- MATCHED ---- */

static enum state
run_matched(struct handler *h)
{
	enum matched rc;
	char id[9];

	splice_init(&h->splice, &h->tls, NULL);
	rc = h->role == ROLE_STONE
	    ? matched_stone(&h->tls, h->hop, &h->head, h->buf, h->peer)
	    : matched_agent(&h->tls, h->hop, h->head.agent != 0,
		  &h->splice.ab);
	snprintf(id, sizeof(id), "%08x", h->registration.session);
	log_event(rc == MATCHED_TAKEN ? LOG_INFO : LOG_NOTICE, "matched", "id",
	    id, "role", role_name(h), "peer", h->peer, "result",
	    matched_word(rc), NULL);
	switch (rc) {
	case MATCHED_TAKEN:
		return SPLICING;
	case MATCHED_OTHER_GONE:
		fd_close(&h->hop);
		registration_wait_again(&h->registration);
		return h->registration.fd == -1 ? REGISTERED : WAITING;
	case MATCHED_UNCONFIRMED:
		registration_end(&h->registration, END_UNCONFIRMED, 0, 0);
		break;
	case MATCHED_CLIENT_GONE:
		registration_end(&h->registration, END_PEER_ERROR, 0, 0);
		break;
	}
	fd_close(&h->hop);
	channel_abort(&h->tls);
	return ENDED;
}

/* ---- SPLICING ---- */

static void
preload_stone(struct handler *h)
{
	struct flow *up = &h->splice.ab;

	up->len = h->len - h->head.length;
	memcpy(up->buf, h->buf + h->head.length, up->len);
}

/* Tells the log and the broker how the session ended. */
static void
report_end(struct handler *h, enum splice_result rc, uint64_t in, uint64_t out)
{
	static const struct {
		enum end_reason reason;
		const char *word;
	} ends[] = {
	    [SPLICE_DONE] = {END_DONE, "done"},
	    [SPLICE_A_BROKE] = {END_PEER_ERROR, "client-error"},
	    [SPLICE_B_BROKE] = {END_OTHER_SIDE, "other-side-error"},
	};
	char id[9];

	snprintf(id, sizeof(id), "%08x", h->registration.session);
	log_event(LOG_INFO, "end", "id", id, "role", role_name(h), "peer",
	    h->peer, "in", LOG_U64(in), "out", LOG_U64(out), "reason",
	    ends[rc].word, NULL);
	registration_end(&h->registration, ends[rc].reason, in, out);
}

static enum state
run_splicing(struct handler *h)
{
	const struct splice_aside aside = registration_aside(&h->registration);
	uint64_t head_bytes = h->tls.arrived;
	struct channel hop;
	enum splice_result rc;

	channel_hop(&hop, h->hop);
	h->hop = -1;
	h->splice.ab.to = h->splice.ba.from = &hop;
	if (h->role == ROLE_STONE)
		preload_stone(h);
	head_bytes -= h->splice.ab.len;
	rc = splice_run(&h->splice, &aside);
	report_end(h, rc, h->tls.arrived - head_bytes, hop.arrived);
	channel_close(&hop);
	if (rc != SPLICE_DONE)
		channel_abort(&h->tls);
	return ENDED;
}

/* ---- CLOSING ---- */

/*
 * The client must read the refusal: closing with bytes unread would reset the
 * connection under it. So what it still sends is read away, for a while.
 */
static enum state
run_closing(struct handler *h)
{
	int64_t deadline = deadline_in(LINGER_MS);
	struct pollfd pfd = {.fd = h->tls.fd, .events = POLLIN};
	ssize_t n;

	h->tls.finish(&h->tls);
	shutdown(h->tls.fd, SHUT_WR);
	do {
		if (poll(&pfd, 1, deadline_left(deadline)) <= 0)
			break;
		n = recv(h->tls.fd, h->buf, sizeof(h->buf), 0);
	} while (n > 0 && deadline_left(deadline) > 0);
	return ENDED;
}

int
handler_run(int sock, const struct conf *conf, struct tls_material *material)
{
	static enum state (*const run[])(struct handler *) = {
	    [HANDSHAKE] = run_handshake,
	    [HEAD] = run_head,
	    [REGISTERED] = run_registered,
	    [WAITING] = run_waiting,
	    [MATCHED] = run_matched,
	    [SPLICING] = run_splicing,
	    [CLOSING] = run_closing,
	};
	static const int signals[] = {SIGTERM, SIGINT, 0};
	static struct handler h;
	enum state state = HANDSHAKE;

	signal(SIGHUP, SIG_IGN); /* the spawner's business */
	h.conf = conf;
	h.material = material;
	h.tls.fd = sock;
	h.hop = -1;
	h.registration.fd = -1;
	h.signals = program_signals(signals);
	if (h.signals == -1 || fd_nonblock(sock) == -1) {
		log_event(LOG_ERR, "set-up", "error", strerror(errno), NULL);
		close(sock);
		return EX_OSERR;
	}
	netaddr_peer(sock, h.peer);
	tcp_options(sock);
	while (state != ENDED)
		state = run[state](&h);
	registration_close(&h.registration);
	channel_close(&h.tls);
	fd_close(&h.hop);
	fd_close(&h.signals);
	OPENSSL_free(h.der);
	return EX_OK;
}
