/* One connection of a local client: see single.h. */
#include "stone/single.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/netaddr.h"
#include "base/program.h"
#include "channel/splice.h"
#include "channel/tcp.h"
#include "stone/ask.h"
#include "stone/relay.h"
#include "stone/request.h"
#include "stone/status.h"
#include "stone/stdio_channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
	struct forward *forward;
	char peer[NETADDR_TEXT_MAX];
	struct channel *client;
	struct relay_channel *relay;
	int64_t answer_by;
	struct splice splice;
};

/* ---- who may ---- */

int
stone_single_admits(const struct forward *forward, int sock)
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

/* ---- the session ---- */

static int
control_fd(void *arg)
{
	(void)arg;
	return -1;
}

static int
control_timeout(void *arg)
{
	const struct session *s = arg;

	return s->relay->state == ANSWER_AWAITED ? deadline_left(s->answer_by)
						 : -1;
}

/* No answer for too long: what the splice then reads is the end. */
static int
control_serve(void *arg)
{
	struct session *s = arg;

	shutdown(s->relay->channel.fd, SHUT_RDWR);
	s->answer_by = DEADLINE_NONE;
	return 0;
}

static void
tell_end(const struct session *s, enum splice_result rc)
{
	if (s->relay->state != ANSWER_GOOD && rc != SPLICE_A_BROKE) {
		stone_relay_unanswered(s->relay, s->forward,
		    s->answer_by == DEADLINE_NONE, s->peer);
		return;
	}
	stone_status_tell(s->forward, "");
	log_event(LOG_INFO, "session", "in", LOG_U64(s->relay->channel.arrived),
	    "out", LOG_U64(s->client->arrived), "reason",
	    rc == SPLICE_DONE      ? "done"
	    : rc == SPLICE_A_BROKE ? "client-error"
				   : "relay-error",
	    "peer", s->peer, "seal", relay_channel_seal_word(s->relay), NULL);
}

/*
 * The request goes before the client's bytes, which wait for its answer only
 * where that tells whether to seal them, or by which relay they go. Returns its
 * length, 0 where it was answered, or -1 where there is no session.
 */
static ssize_t
ask(struct session *s, const struct proxy *proxy,
    char request[static HEAD_MAX_BYTES])
{
	const size_t len = stone_request_write(
	    request, s->forward->conf->request, s->peer);

	switch (stone_ask(&s->relay, s->forward, proxy, request, len,
	    s->client->fd, s->peer)) {
	case STONE_SEALED:
	case STONE_UNASKED:
		return (ssize_t)len;
	case STONE_PLAIN:
		return 0;
	default:
		return -1;
	}
}

static enum splice_result
converse(struct session *s, size_t len)
{
	const struct splice_control control = {
	    control_fd, control_timeout, control_serve, s};

	splice_init(&s->splice, s->client, &s->relay->channel);
	s->splice.ab.len = len;
	s->answer_by = deadline_in(STONE_ANSWER_MS);
	return splice_run(&s->splice, &control);
}

void
stone_single_reset(int sock)
{
	struct channel client;

	channel_tcp(&client, sock);
	channel_abort(&client);
}

/* Closes both. */
static int
finish(struct session *s, enum splice_result rc)
{
	tell_end(s, rc);
	if (rc == SPLICE_DONE) {
		channel_close(s->client);
		channel_close(&s->relay->channel);
		return EX_OK;
	}
	channel_abort(s->client);
	channel_abort(&s->relay->channel);
	return EX_TEMPFAIL;
}

/* Serves the client at fd, which client reads and writes, and closes that. */
static int
serve(int fd, struct channel *client, struct forward *forward,
    const struct proxy *proxy)
{
	static struct session s;
	ssize_t len;

	s.forward = forward;
	s.client = client;
	netaddr_peer(fd, s.peer);
	len = ask(&s, proxy, (char *)s.splice.ab.buf);
	if (len == -1) {
		channel_abort(client);
		if (s.relay != NULL)
			channel_abort(&s.relay->channel);
		return EX_TEMPFAIL;
	}
	return finish(&s, converse(&s, (size_t)len));
}

int
stone_single_run(int sock, struct forward *forward, const struct proxy *proxy)
{
	struct channel client;

	tcp_options(sock);
	channel_tcp(&client, sock);
	if (fd_nonblock(sock) == 0)
		return serve(sock, &client, forward, proxy);
	channel_abort(&client);
	return EX_TEMPFAIL;
}

int
stone_single_run_stdio(struct forward *forward, const struct proxy *proxy)
{
	struct stdio_channel client;

	if (stdio_channel_init(&client) == -1)
		return EX_OSERR;
	return serve(STDIN_FILENO, &client.channel, forward, proxy);
}

int
stone_single_run_over(int sock, struct forward *forward,
    struct relay_channel *relay, const char *came, size_t len)
{
	static struct session s;
	struct channel client;

	tcp_options(sock);
	channel_tcp(&client, sock);
	s.forward = forward;
	s.client = &client;
	s.relay = relay;
	netaddr_peer(sock, s.peer);
	splice_init(&s.splice, s.client, &relay->channel);
	memcpy(s.splice.ba.buf, came, len);
	s.splice.ba.len = len;
	return finish(&s, splice_run(&s.splice, NULL));
}
