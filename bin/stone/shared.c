/* A session of many connections: see shared.h. */
#define _GNU_SOURCE
#include "stone/shared.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/program.h"
#include "mux/mux.h"
#include "stone/shared_ask.h"
#include "stone/shared_control.h"
#include "stone/shared_streams.h"
#include "stone/single.h"
#include "stone/status.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS 2000

struct shared {
	struct forward *forward;
	int control;
	struct relay_channel *relay;
	char authority[HEAD_SERVICE_MAX];
};

static void
tell_plain(const struct shared *s)
{
	const struct shared_control h = {HANDOVER_PLAIN, 0};

	/* one that is gone needs no news */
	shared_control_send(s->control, &h, -1);
}

static void
end_quietly(int sig)
{
	(void)sig;
	_exit(EX_OK);
}

static void
let_term_end_us(int yes)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(yes ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

/* Nothing is lost by an end until it is ready; then SIGTERM is no more. */
void
stone_shared_prepare(void)
{
	signal(SIGTERM, end_quietly);
	let_term_end_us(1);
}

/* This session is of no use, and ends. */
static int
leave(struct shared *s)
{
	channel_linger(&s->relay->channel, deadline_in(LINGER_MS));
	channel_close(&s->relay->channel);
	return EX_OK;
}

/* Of who may use the forward. Returns -1 where nobody waits. */
static int
accept_one(struct shared *s)
{
	const int sock = accept4(
	    s->forward->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (sock == -1 || stone_single_admits(s->forward, sock))
		return sock;
	stone_single_reset(sock);
	return -1;
}

/*
 * An agent of another kind, that has answered well: who waits for this session
 * gets it alone.
 */
static int
serve_one(struct shared *s, const char *buf, size_t len)
{
	int sock;

	let_term_end_us(0);
	sock = accept_one(s);
	tell_plain(s);
	if (sock == -1)
		return leave(s);
	fd_close(&s->forward->listener);
	stone_status_connections(s->forward, 1);
	return stone_single_run_over(sock, s->forward, s->relay, buf, len);
}

int
stone_shared_run(
    struct forward *forward, const struct proxy *proxy, int control)
{
	static char buf[RESPONSE_MAX_BYTES];
	struct shared s = {.forward = forward, .control = control};
	ssize_t n;

	n = stone_shared_ask(&s.relay, forward, proxy, s.authority, buf);
	if (s.relay == NULL)
		return EX_TEMPFAIL;
	if (n == -1 && s.relay->state == ANSWER_REFUSED &&
	    !s.relay->response.explained) {
		tell_plain(&s); /* it leads to a web server */
		return leave(&s);
	}
	if (n == -1) {
		channel_abort(&s.relay->channel);
		return EX_TEMPFAIL;
	}
	if (strcmp(s.relay->response.mux, MUX_NAME) != 0)
		return serve_one(&s, buf, (size_t)n);
	let_term_end_us(0);
	return shared_streams_run(
	    forward, control, s.relay, s.authority, buf, (size_t)n);
}
