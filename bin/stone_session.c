/* One connection of a local client: see stone_session.h. */
#include "stone_session.h"
#include "answer.h"
#include "deadline.h"
#include "fd.h"
#include "log.h"
#include "netaddr.h"
#include "program.h"
#include "splice.h"
#include "stone_request.h"
#include "tcp.h"
#include "tls_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_MS   20000 /* to find and reach the relay */
#define HANDSHAKE_MS 10000
#define ANSWER_MS                                                              \
	60000 /* the relay waits for an agent, that for its target             \
	       */

struct session {
	struct forward *forward;
	char peer[NETADDR_TEXT_MAX];
	struct channel client;
	struct answer relay;
	int64_t answer_by;
	struct splice splice;
};

/* ---- who may ---- */

int
stone_session_admits(const struct forward *forward, int sock)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	struct sockaddr *sa = (struct sockaddr *)&ss;
	socklen_t len = sizeof(ss);
	char peer[NETADDR_TEXT_MAX];

	/* one that has gone is nobody, and may go on only where all may */
	if (getpeername(sock, sa, &len) == -1)
		ss.ss_family = AF_UNSPEC;
	if (access_allows(&forward->access, sa))
		return 1;
	netaddr_peer(sock, peer);
	log_event(LOG_NOTICE, "denied", "peer", peer, NULL);
	return 0;
}

/* ---- to the relay ---- */

static void
tell_unreachable(const struct session *s, const char *why)
{
	log_event(LOG_WARNING, "not-connected", "relay",
	    s->forward->conf->relay.host, "port", s->forward->conf->relay.port,
	    "reason", why, "peer", s->peer, NULL);
}

/* The TLS connection; it owns fd, for s->relay. */
static SSL *
start_tls(struct session *s, int fd, char *err, size_t errsize)
{
	const struct stone_forward *conf = s->forward->conf;
	SSL *ssl = tls_client_start(&s->forward->tls, fd,
	    conf->tls.servername != NULL ? conf->tls.servername
					 : conf->relay.host);

	if (ssl == NULL)
		tls_error_text(err, errsize);
	else if (tls_handshake(ssl, deadline_in(HANDSHAKE_MS), err, errsize) ==
		 -1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	return ssl;
}

static int
connect_relay(struct session *s, const struct proxy *proxy)
{
	const struct netaddr *relay = &s->forward->conf->relay;
	char why[256];
	SSL *ssl;
	int fd;

	fd = proxy_dial(
	    proxy, relay, deadline_in(CONNECT_MS), why, sizeof(why));
	if (fd == -1) {
		tell_unreachable(s, why);
		return -1;
	}
	ssl = start_tls(s, fd, why, sizeof(why));
	if (ssl == NULL) {
		fd_close(&fd);
		tell_unreachable(s, why);
		return -1;
	}
	answer_channel(&s->relay, ssl);
	tls_forget(&s->forward->tls, ssl);
	return 0;
}

/* ---- the session ---- */

static int
aside_fd(void *arg)
{
	(void)arg;
	return -1;
}

static int
aside_timeout(void *arg)
{
	const struct session *s = arg;

	return s->relay.state == ANSWER_AWAITED ? deadline_left(s->answer_by)
						: -1;
}

/* No answer for too long: what the splice then reads is the end. */
static int
aside_serve(void *arg)
{
	struct session *s = arg;

	shutdown(s->relay.channel.fd, SHUT_RDWR);
	s->answer_by = DEADLINE_NONE;
	return 0;
}

static void
tell_unanswered(const struct session *s)
{
	const struct response *r = &s->relay.response;
	const char *alert = tls_peer_alert();
	char why[128];

	if (s->relay.state == ANSWER_REFUSED)
		log_event(LOG_WARNING, "refused", "status", LOG_U64(r->status),
		    "reason", r->reason, "peer", s->peer, NULL);
	else if (s->relay.state == ANSWER_NOT_HTTP)
		tell_unreachable(s, "the answer is not HTTP");
	else if (s->answer_by == DEADLINE_NONE)
		tell_unreachable(s, "no answer in time");
	else if (alert != NULL) {
		snprintf(why, sizeof(why), "the relay refused, TLS alert: %s",
		    alert);
		tell_unreachable(s, why);
	} else
		tell_unreachable(s, "the relay closed the connection; its log "
				    "says why");
}

static void
tell_end(const struct session *s, enum splice_result rc)
{
	if (s->relay.state != ANSWER_GOOD && rc != SPLICE_A_BROKE) {
		tell_unanswered(s);
		return;
	}
	log_event(LOG_INFO, "session", "in", LOG_U64(s->relay.channel.arrived),
	    "out", LOG_U64(s->client.arrived), "reason",
	    rc == SPLICE_DONE      ? "done"
	    : rc == SPLICE_A_BROKE ? "client-error"
				   : "relay-error",
	    "peer", s->peer, NULL);
}

/* The request goes before the client's bytes, which do not wait either. */
static enum splice_result
converse(struct session *s)
{
	const struct splice_aside aside = {
	    aside_fd, aside_timeout, aside_serve, s};
	struct flow *up = &s->splice.ab;

	splice_init(&s->splice, &s->client, &s->relay.channel);
	up->len = stone_request_write(
	    (char *)up->buf, s->forward->conf->request, s->peer);
	s->answer_by = deadline_in(ANSWER_MS);
	return splice_run(&s->splice, &aside);
}

void
stone_session_reset(int sock)
{
	struct channel client;

	channel_tcp(&client, sock);
	channel_abort(&client);
}

int
stone_session_run(int sock, struct forward *forward, const struct proxy *proxy)
{
	static struct session s;
	enum splice_result rc;

	s.forward = forward;
	netaddr_peer(sock, s.peer);
	tcp_options(sock);
	channel_tcp(&s.client, sock);
	if (fd_nonblock(sock) == -1 || connect_relay(&s, proxy) == -1) {
		channel_abort(&s.client);
		return EX_TEMPFAIL;
	}
	rc = converse(&s);
	tell_end(&s, rc);
	if (rc == SPLICE_DONE) {
		channel_close(&s.client);
		channel_close(&s.relay.channel);
		return EX_OK;
	}
	channel_abort(&s.client);
	channel_abort(&s.relay.channel);
	return EX_TEMPFAIL;
}
