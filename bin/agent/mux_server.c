/* The agent's side of a multiplexed session: see mux_server.h. */
#include "agent/mux_server.h"
#include "agent/proxy_protocol.h"
#include "agent/resolve.h"
#include "base/container.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"
#include "dial/dial.h"
#include "mux/state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TARGET_MS  10000 /* to reach the target */
#define ATTEMPT_MS 1000  /* and one of its addresses, unless it is the last */
#define PAUSE_MS   250   /* a Unix socket's backlog is full: try again */
#define SEND_MS    10000

struct agent_mux {
	const struct agent_conf *conf;
	const char *client;
	struct mux *mux;
	struct mux_source signals_source;
	int signals;
	struct resolved places[TARGETS_MAX]; /* of the targets */
};

static struct agent_mux *
agent_of(const struct mux_stream *s)
{
	return mux_owner(s->mux);
}

static struct resolved *
place_of(const struct mux_stream *s)
{
	return &agent_of(s)->places[s->target];
}

/* ---- refusals ---- */

static void
refuse_unreachable(struct mux_stream *s, const char *why)
{
	const struct target *t = &agent_of(s)->conf->targets[s->target];
	char text[MUX_REASON_MAX];

	log_event(LOG_WARNING, "target-unreachable", "target", t->text,
	    "service", t->service, "reason", why, NULL);
	snprintf(text, sizeof(text), "Target unreachable: %.120s", why);
	mux_stream_refuse(s, 502, text);
}

/* ---- connecting ---- */

static void try_address(struct mux_stream *s);

/* Tells the target whose connection it is; a new socket has room for that. */
static int
send_proxy_header(const struct mux_stream *s)
{
	const struct agent_mux *a = agent_of(s);
	const struct resolve_address *to = &place_of(s)->list[s->attempt];
	unsigned char out[PROXY_PROTOCOL_MAX];
	size_t len;

	if (!a->conf->proxy_protocol)
		return 0;
	len = proxy_protocol_write(
	    out, a->client, (const struct sockaddr *)&to->sa);
	return send(s->fd, out, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

/* This address is no good: the next one, or none. */
static void
give_up_address(struct mux_stream *s, int error)
{
	const struct target *t = &agent_of(s)->conf->targets[s->target];
	char why[256];

	fd_close(&s->fd);
	if (++s->attempt < place_of(s)->count) {
		try_address(s);
		return;
	}
	place_of(s)->failed = 1;
	snprintf(why, sizeof(why), "%s: %s", t->text, strerror(error));
	refuse_unreachable(s, why);
}

static void
on_connect(struct mux_source *source, uint32_t events)
{
	struct mux_stream *s = CONTAINER_OF(source, struct mux_stream, source);
	socklen_t len = sizeof(int);
	int error = 0;

	if (s->stage != MUX_CONNECTING || s->fd == -1)
		return;
	if ((events & (EPOLLERR | EPOLLHUP)) != 0 &&
	    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		give_up_address(s, error);
		return;
	}
	if (send_proxy_header(s) == -1) {
		give_up_address(s, ECONNRESET);
		return;
	}
	mux_stream_join(s, s->fd);
	mux_stream_ready(source, events);
}

/* One that does not answer soon is left for the next; the last has its time. */
static void
try_address(struct mux_stream *s)
{
	const struct resolved *found = place_of(s);
	const struct resolve_address *to = &found->list[s->attempt];

	s->due = deadline_in(
	    s->attempt + 1U < found->count ? ATTEMPT_MS : TARGET_MS);
	s->source.ready = on_connect;
	s->fd = dial_start((const struct sockaddr *)&to->sa, to->len);
	if (s->fd == -1 && errno == EAGAIN && ++s->tries < TARGET_MS / PAUSE_MS)
		s->due = deadline_in(PAUSE_MS);
	else if (s->fd == -1 ||
		 mux_watch(s->mux, s->fd, MUX_SOCKET_EVENTS, &s->source) == -1)
		give_up_address(s, errno);
}

static void
reach_target(struct mux_stream *s)
{
	const struct agent_mux *a = agent_of(s);
	struct resolved *place = place_of(s);

	resolve_target(
	    place, &a->conf->targets[s->target], mux_count(s->mux) > 1);
	s->attempt = 0;
	if (place->count == 0)
		refuse_unreachable(s, place->error);
	else
		try_address(s);
}

/* ---- calls of the session ---- */

static void
on_asked(struct mux_stream *s, const char *authority)
{
	const struct agent_conf *conf = agent_of(s)->conf;
	const char *service = strcmp(authority, MUX_PLAIN_AUTHORITY) == 0
				  ? ""
				  : authority;
	const struct target *t = target_find(
	    conf->targets, conf->ntargets, service);

	if (t == NULL || *authority == '\0') {
		log_event(LOG_NOTICE, "no-such-service", "service", service,
		    "client", agent_of(s)->client, NULL);
		mux_stream_refuse(s, 404, "No such service");
		return;
	}
	s->target = (uint16_t)(t - conf->targets);
	reach_target(s);
}

static void
on_late(struct mux_stream *s)
{
	s->due = DEADLINE_NONE;
	if (s->fd != -1)
		give_up_address(s, ETIMEDOUT);
	else
		try_address(s);
}

static void
on_gone(struct mux_stream *s)
{
	const struct agent_mux *a = agent_of(s);

	log_event(LOG_DEBUG, "stream", "in", LOG_U64(s->in), "out",
	    LOG_U64(s->out), "client", a->client, "service",
	    a->conf->targets[s->target].service, NULL);
}

/* ---- life ---- */

struct agent_mux *
agent_mux_new(
    const struct agent_conf *conf, struct channel *relay, const char *client)
{
	static const struct mux_calls calls = {
	    .asked = on_asked,
	    .late = on_late,
	    .gone = on_gone,
	};
	struct agent_mux *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->conf = conf;
	a->client = client;
	a->signals = -1;
	a->mux = mux_new(MUX_SERVER, relay, &calls, a, conf->max_streams);
	if (a->mux != NULL)
		return a;
	agent_mux_free(a);
	return NULL;
}

struct mux *
agent_mux_session(struct agent_mux *a)
{
	return a->mux;
}

void
agent_mux_free(struct agent_mux *a)
{
	mux_free(a->mux);
	fd_close(&a->signals);
	free(a);
}

/* ---- the session ---- */

int
agent_mux_wanted(const struct head *head, const char *buf)
{
	struct head_field field;
	size_t at = 0;

	while (head_next_field(head, buf, &at, &field))
		if (head_field_is(&field, "X-Mux") &&
		    field.value_len == strlen(MUX_NAME) &&
		    memcmp(field.value, MUX_NAME, field.value_len) == 0)
			return 1;
	return 0;
}

/* The agent stops, or reads its configuration anew: no more new streams. */
static void
on_signal(struct mux_source *source, uint32_t events)
{
	struct agent_mux *a = CONTAINER_OF(
	    source, struct agent_mux, signals_source);
	struct signalfd_siginfo info;

	(void)events;
	while (read(a->signals, &info, sizeof(info)) == sizeof(info))
		mux_drain(a->mux);
}

/* SIGHUP is ignored, but not while it is blocked. */
static int
watch_signals(struct agent_mux *a)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};

	a->signals = program_signals(signals);
	a->signals_source.ready = on_signal;
	if (a->signals == -1)
		return -1;
	return mux_watch(a->mux, a->signals, EPOLLIN, &a->signals_source);
}

void
agent_mux_run(const struct agent_conf *conf, struct channel *relay,
    const char *client, const char *buf, size_t len, struct agent_mux_end *end)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n" MUX_FIELD "\r\n";
	struct agent_mux *a = agent_mux_new(conf, relay, client);

	memset(end, 0, sizeof(*end));
	end->result = MUX_BROKE;
	if (a == NULL || watch_signals(a) == -1 ||
	    channel_write_all(
		relay, ok, sizeof(ok) - 1, deadline_in(SEND_MS)) == -1) {
		snprintf(end->error, sizeof(end->error), "%s", strerror(errno));
	} else {
		mux_feed(a->mux, buf, len);
		end->result = mux_run(a->mux);
		end->streams = mux_total(a->mux);
		snprintf(
		    end->error, sizeof(end->error), "%s", mux_error(a->mux));
		mux_finish(a->mux);
	}
	if (a != NULL)
		agent_mux_free(a);
}
