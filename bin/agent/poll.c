/* One poll: see poll.h. */
#define _GNU_SOURCE
#include "agent/poll.h"
#include "agent/parked.h"
#include "agent/session.h"
#include "base/deadline.h"
#include "base/failure.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/number.h"
#include "base/program.h"
#include "channel/channel_tls.h"
#include "config/entitlement.h"
#include "dial/proxy.h"
#include "http/head.h"
#include "http/response.h"
#include "http/seal_offer.h"
#include "ipc/fdpass.h"
#include "tls/client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS   20000 /* to find and reach the relay */
#define HANDSHAKE_MS 10000
#define ANSWER_MS    30000 /* the relay may wait for its broker meanwhile */
#define SEND_MS      10000
#define KEEPALIVE_MS 30000 /* an empty line to the relay */
#define SILENCE_MS   75000 /* two empty lines of the relay are missing */

#define PARKS 1 /* await_head's: the relay has ended TLS, to park the poll */

struct agent_poll {
	struct agent_conf *conf;
	const struct netaddr *place; /* of the relay */
	uint64_t agent;
	int news;
	struct channel_tls relay;
	int64_t park; /* seconds between signs of life, once it is parked; -1:
		       * the relay does not park it */
	uint8_t *der; /* our certificate, for the digest */
	int der_len;
	struct agent_request request; /* what has come of it */
};

/* ---- news ---- */

static void
tell(const struct agent_poll *p, enum poll_news what, const char *format, ...)
{
	char packet[1 + POLL_TEXT_MAX];
	va_list ap;
	int n;

	packet[0] = (char)what;
	va_start(ap, format);
	n = vsnprintf(packet + 1, sizeof(packet) - 1, format, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n > sizeof(packet) - 2)
		n = (int)sizeof(packet) - 2;
	/* a pool that is gone needs no news */
	send(p->news, packet, 1 + (size_t)n, MSG_NOSIGNAL);
}

/* ---- reaching the relay ---- */

/* Who was woken is connected already. */
static int
connect_relay(struct agent_poll *p, int fd)
{
	struct failure f;
	SSL *ssl;

	if (fd == -1)
		fd = proxy_dial(
		    &p->conf->proxy, p->place, deadline_in(CONNECT_MS), &f);
	if (fd == -1) {
		tell(p, POLL_FAILED, "%s", f.text);
		return -1;
	}
	ssl = tls_client_start(&p->conf->tls, fd, p->place->host);
	if (ssl == NULL) {
		tls_error_text(&f);
		fd_close(&fd);
		tell(p, POLL_FAILED, "TLS: %s", f.text);
		return -1;
	}
	channel_tls(&p->relay, ssl);
	if (tls_handshake(ssl, deadline_in(HANDSHAKE_MS), &f) == -1) {
		tell(p, POLL_FAILED, "TLS: %s", f.text);
		return -1;
	}
	p->der_len = i2d_X509(p->conf->tls.certificate, &p->der);
	tls_forget(&p->conf->tls, ssl); /* sealing has its own hold on them */
	return 0;
}

/*
 * A marked session leaves TLS 1.3, and nothing older. In it a direction ends by
 * TCP's own end, for which many a proxy ends the other direction too.
 */
static int
can_be_bare(const struct agent_poll *p)
{
	return p->conf->seal.mode != SEAL_OFF &&
	       !proxy_serves(&p->conf->proxy, p->place) &&
	       SSL_version(p->relay.ssl) == TLS1_3_VERSION;
}

static int
send_poll(struct agent_poll *p)
{
	char text[NETADDR_HOST_MAX + 256];
	int n = snprintf(text, sizeof(text),
	    "GET /KLAB/poll HTTP/1.1\r\n"
	    "Host: %s\r\n"
	    "X-Ver: 2 relayagent/" VERSION "\r\n"
	    "X-Agent: %016" PRIx64 "\r\n"
	    "X-Park: 1\r\n"
	    "%s"
	    "\r\n",
	    p->place->host, p->agent, can_be_bare(p) ? SEAL_BARE_FIELD : "");

	if (channel_write_all(
		&p->relay.channel, text, (size_t)n, deadline_in(SEND_MS)) == 0)
		return 0;
	tell(p, POLL_FAILED, "request: %s", strerror(errno));
	return -1;
}

/*
 * One more read by deadline. Returns 1 where something came, be it a dropped
 * empty line, or 0 with errno (0: clean end).
 */
static int
read_more(struct agent_poll *p, int64_t deadline)
{
	ssize_t n = channel_read_by(&p->relay.channel,
	    p->request.buf + p->request.len,
	    sizeof(p->request.buf) - p->request.len, deadline);

	if (n > 0)
		p->request.len += (size_t)n;
	if (n == 0)
		errno = 0;
	return n > 0 || (n == -1 && errno == EAGAIN);
}

/* The entitlement must be this certificate's; another one is only told. */
static void
check_customer(struct agent_poll *p, const char *text)
{
	struct customer customer;
	struct failure f;

	if (*text == '\0')
		return;
	if (p->der_len <= 0 || customer_parse(&customer, text, p->der,
				   (size_t)p->der_len, &f) == -1)
		log_event(LOG_WARNING, "customer", "error", f.text, "value",
		    text, NULL);
}

static void
tell_unanswered(const struct agent_poll *p, int error)
{
	const char *alert = tls_peer_alert();

	if (alert != NULL)
		tell(p, POLL_FAILED, "the relay refused, TLS alert: %s", alert);
	else if (error == 0 || error == ECONNRESET)
		tell(p, POLL_FAILED,
		    "no answer to the poll: the relay closed the connection; "
		    "its log says why");
	else
		tell(p, POLL_FAILED, "no answer to the poll: %s",
		    strerror(error));
}

static int
read_answer(struct agent_poll *p)
{
	int64_t deadline = deadline_in(ANSWER_MS);
	struct response r;
	int rc;

	while ((rc = response_parse(&r, p->request.buf, p->request.len)) == 0)
		if (!read_more(p, deadline)) {
			tell_unanswered(p, errno);
			return -1;
		}
	if (rc == -1) {
		tell(p, POLL_FAILED, "the answer is not HTTP");
		return -1;
	}
	if (r.status != 200) {
		tell(p, POLL_FAILED, "refused: %d %s", r.status, r.reason);
		return -1;
	}
	check_customer(p, r.customer);
	p->park = number_parse(r.park, 1, PARKED_INTERVAL_MAX);
	tell(p, POLL_WAITS, "%s", r.customer);
	memmove(p->request.buf, p->request.buf + r.length,
	    p->request.len - r.length);
	p->request.len -= r.length;
	return 0;
}

/* ---- waiting for a stone ---- */

static int
send_keepalive(struct agent_poll *p)
{
	if (channel_write_all(
		&p->relay.channel, "\r\n", 2, deadline_in(SEND_MS)) == 0)
		return 0;
	tell(p, POLL_FAILED, "keep-alive: %s", strerror(errno));
	return -1;
}

/* The relay has ended its direction while nothing but empty lines had come. */
static int
can_park(const struct agent_poll *p, int error)
{
	size_t n = 0;

	while (n < p->request.len &&
	       (p->request.buf[n] == '\r' || p->request.buf[n] == '\n'))
		n++;
	return p->park != -1 && error == 0 && n == p->request.len;
}

/*
 * What came behind the answer may be empty lines, the head, or both. A relay
 * whose TCP is alive and that says nothing all the same is as good as gone.
 * Returns 0, PARKS, or -1.
 */
static int
await_head(struct agent_poll *p)
{
	int64_t keepalive = deadline_in(KEEPALIVE_MS);
	int64_t silence = deadline_in(SILENCE_MS);

	p->relay.drop_blank = p->request.len == 0;
	for (;;) {
		int64_t until = deadline_first(keepalive, silence);
		enum head_result rc = head_parse(&p->request.head,
		    p->request.buf, p->request.len, HEAD_FORWARD_MAX);

		if (rc == HEAD_DONE)
			return 0;
		if (rc == HEAD_BAD) {
			tell(p, POLL_FAILED, "bad head: %s",
			    p->request.head.reason);
			return -1;
		}
		if (read_more(p, until)) {
			silence = deadline_in(SILENCE_MS);
		} else if (deadline_left(until) > 0) {
			if (can_park(p, errno))
				return PARKS;
			tell(p, POLL_FAILED, "the relay ended the poll: %s",
			    errno == 0 ? "cleanly" : strerror(errno));
			return -1;
		} else if (deadline_left(silence) == 0) {
			tell(p, POLL_FAILED, "the relay has fallen silent");
			return -1;
		} else {
			keepalive = deadline_in(KEEPALIVE_MS);
			if (send_keepalive(p) == -1)
				return -1;
		}
	}
}

/* ---- parking ---- */

/* Ends our direction, too. Returns 0, or -1 with errno. */
static int
end_tls(struct agent_poll *p)
{
	struct channel *relay = &p->relay.channel;
	const int64_t deadline = deadline_in(SEND_MS);

	while (channel_finish(relay) == -1) {
		struct pollfd pfd = {relay->fd, relay->write_wants, 0};

		if (errno != EAGAIN)
			return -1;
		if (poll(&pfd, 1, deadline_left(deadline)) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

/*
 * Gives the connection to the pool, and goes. Without TLS on it, and without a
 * process, it waits on.
 */
static int
park(struct agent_poll *p)
{
	char packet[32];
	int n = snprintf(
	    packet, sizeof(packet), "%c%" PRId64, POLL_PARKED, p->park);

	if (end_tls(p) == -1) {
		tell(p, POLL_FAILED, "the end of TLS: %s", strerror(errno));
		channel_abort(&p->relay.channel);
		return EX_TEMPFAIL;
	}
	channel_tls_forget(&p->relay);
	if (fdpass_send(p->news, packet, (size_t)n, &p->relay.channel.fd, 1) ==
	    -1)
		tell(p, POLL_FAILED, "parking: %s", strerror(errno));
	/* the pool's, as it is: nothing is set or said any more */
	fd_close(&p->relay.channel.fd);
	return EX_OK;
}

/* ---- a stone has come ---- */

/*
 * The relay waits for this empty line (X-Agent). It goes out before anything
 * is done for the stone: where it can't be sent, the stone is another's.
 */
static int
take_stone(struct agent_poll *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL); /* a session is not cut off */
	if (channel_write_all(
		&p->relay.channel, "\r\n", 2, deadline_in(SEND_MS)) == -1) {
		tell(p, POLL_FAILED, "too late for a stone: %s",
		    strerror(errno));
		return -1;
	}
	tell(p, POLL_TAKEN, "");
	return 0;
}

/* Serves the stone that has come. Returns a sysexits(3) code. */
static int
serve(struct agent_poll *p)
{
	if (agent_session_run(p->conf, &p->relay.channel, &p->request) != 0)
		channel_abort(&p->relay.channel);
	else
		channel_close(&p->relay.channel);
	return EX_OK;
}

int
agent_poll_run(struct agent_conf *conf, const struct netaddr *relay, int fd,
    uint64_t agent, int news)
{
	static struct agent_poll p;
	int rc = -1;

	p.conf = conf;
	p.place = relay;
	p.agent = agent;
	p.news = news;
	p.relay.channel.fd = -1;
	if (connect_relay(&p, fd) == 0 && send_poll(&p) == 0 &&
	    read_answer(&p) == 0)
		rc = await_head(&p);
	OPENSSL_free(p.der);
	if (rc == PARKS)
		return park(&p);
	if (rc == 0 && take_stone(&p) == 0)
		return serve(&p);
	channel_close(&p.relay.channel);
	return EX_TEMPFAIL;
}
