/*
 * The states in which a handler waits for the other side, with the broker or,
 * while that restarts, without it. See state.h.
 */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "connection/broker_orders.h"
#include "connection/report.h"
#include "connection/state.h"
#include "http/reply.h"
#include "ipc/parked_signs.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define KEEPALIVE_MS 30000 /* an empty line to an idle agent */
/* The agent's own line comes first then, and one wake-up serves both. */
#define KEEPALIVE_LATE_MS (KEEPALIVE_MS + 2000)
/* Who sends more often is not answered each time. */
#define KEEPALIVE_EARLY_MS (KEEPALIVE_MS / 2)
#define TRIM_MS            1000 /* who waits so long may wait for days */

/* What a wait ended with. */
enum event {
	EVENT_NONE,
	EVENT_BROKER,
	EVENT_TIMEOUT,
	EVENT_CLIENT_GONE,
	EVENT_DRAIN,
	EVENT_EXPIRED
};

/* A waiting agent may send empty lines and nothing else. */
static int
agent_is_there(struct handler *h)
{
	uint64_t arrived = h->tls.channel.arrived;
	char buf[256];
	ssize_t n;

	h->tls.drop_blank = 1;
	n = channel_read(&h->tls.channel, buf, sizeof(buf));
	if (n == -1 && errno == EAGAIN) {
		if (h->tls.channel.arrived > arrived &&
		    deadline_left(h->keepalive) <
			KEEPALIVE_LATE_MS - KEEPALIVE_EARLY_MS)
			h->keepalive = deadline_now();
		return 1;
	}
	h->in_order = n == 0;
	if (n > 0)
		log_event(LOG_NOTICE, "agent-spoke-early", "peer", h->peer,
		    "identity", h->identity, NULL);
	return 0;
}

/*
 * What a waiting stone sends is left in the kernel for the session, until its
 * TCP ends: then it is either a clean end of its direction (the session can
 * still be had), or a stone that died.
 */
static int
stone_is_there(struct handler *h)
{
	ssize_t n = 1;

	h->heard_out = 1;
	while (n > 0 && h->len < sizeof(h->buf)) {
		n = channel_read(
		    &h->tls.channel, h->buf + h->len, sizeof(h->buf) - h->len);
		if (n > 0)
			h->len += (size_t)n;
	}
	h->ended = n == 0;
	return n >= 0;
}

/* Whether what poll told of the client leaves it there. */
static int
client_is_there(struct handler *h, short revents)
{
	if (revents == 0)
		return 1;
	if (h->role == ROLE_AGENT)
		return agent_is_there(h);
	return (revents & (POLLERR | POLLHUP)) == 0 && stone_is_there(h);
}

static short
client_events(const struct handler *h)
{
	if (h->role == ROLE_AGENT)
		return h->tls.channel.read_wants;
	return h->heard_out ? 0 : POLLRDHUP;
}

static int
send_keepalive(struct handler *h)
{
	h->keepalive = deadline_in(KEEPALIVE_LATE_MS);
	report_link(h);
	return channel_write_all(
	    &h->tls.channel, "\r\n", 2, deadline_in(HANDLER_SEND_MS));
}

/* The handshake has left much free memory, which fork did not share. */
static void
trim(struct handler *h)
{
	h->trim_at = DEADLINE_NONE;
	malloc_trim(0);
	report_link(h);
}

/*
 * After how many seconds the broker might park the agent; 0: never. A broker
 * that has just started may not have got our spawner back.
 */
static uint32_t
park_after(const struct handler *h)
{
	const uint32_t seconds = h->registration.park_after;

	return seconds == 0 && h->is_spawned ? h->conf->park_after : seconds;
}

/*
 * When to ask; the broker may have said otherwise since that was told. An agent
 * that a broker has just got back has to wait again, too.
 */
static int64_t
park_due(const struct handler *h)
{
	const uint32_t seconds = park_after(h);

	return h->parks && seconds != 0 ? deadline_in((int64_t)seconds * 1000)
					: DEADLINE_NONE;
}

/* Where there is no answer, it is asked again as much later. */
static void
ask_to_park(struct handler *h)
{
	const struct message m = {.type = MESSAGE_PARK};

	h->park_at = park_due(h);
	registration_tell(&h->registration, &m);
}

/*
 * At SIGUSR2 the spawner has left, and another will serve: agents come back to
 * that, and a stone that is here already needs no more than one of them.
 */
static int
has_to_go(struct handler *h)
{
	struct signalfd_siginfo info;

	return read(h->signals, &info, sizeof(info)) == sizeof(info) &&
	       (info.ssi_signo != SIGUSR2 || h->role == ROLE_AGENT);
}

/* One poll of the client, the broker and the signals. */
static enum event
wait_once(struct handler *h, int64_t deadline)
{
	struct pollfd pfd[3] = {
	    {.fd = h->tls.channel.fd, .events = client_events(h)},
	    {.fd = h->registration.fd, .events = POLLIN},
	    {.fd = h->signals, .events = POLLIN},
	};
	int64_t until = deadline_first(
	    deadline, registration_due(&h->registration));

	until = deadline_first(until, h->expires);
	until = deadline_first(until, h->trim_at);
	until = deadline_first(until, h->park_at);
	poll(pfd, 3, deadline_left(deadline_first(until, h->keepalive)));
	if (pfd[2].revents != 0 && has_to_go(h))
		return EVENT_DRAIN;
	if (!client_is_there(h, pfd[0].revents))
		return EVENT_CLIENT_GONE;
	if (deadline_left(h->trim_at) == 0)
		trim(h);
	if (deadline_left(h->park_at) == 0)
		ask_to_park(h);
	if (deadline_left(h->keepalive) == 0 && send_keepalive(h) == -1)
		return EVENT_CLIENT_GONE;
	if (broker_orders_expired(h))
		return EVENT_EXPIRED;
	if (deadline_left(deadline) == 0)
		return EVENT_TIMEOUT;
	return pfd[1].revents != 0 ? EVENT_BROKER : EVENT_NONE;
}

/* Nobody came for a stone. */
static enum state
refuse_alone(struct handler *h)
{
	char reason[MESSAGE_REASON_MAX];

	h->in_order = 1;
	if (h->unreached[0] == '\0')
		return handler_refuse(h, REFUSAL_ALONE, 503,
		    "No agent is there for this certificate");
	snprintf(reason, sizeof(reason),
	    "No agent is here, and relay %s cannot be reached", h->unreached);
	return handler_refuse(h, REFUSAL_ALONE, 503, reason);
}

/* The ways out that do not depend on the broker. */
static enum state
stop_waiting(struct handler *h, enum event event, enum state state)
{
	if (event == EVENT_EXPIRED)
		return handler_remove(h);
	if (event == EVENT_TIMEOUT && state == REGISTERING) {
		registration_complain(&h->registration);
		return handler_refuse(
		    h, REFUSAL_RELAY, 503, "The relay is restarting");
	}
	if (event == EVENT_TIMEOUT)
		return refuse_alone(h);
	log_event(LOG_INFO, event == EVENT_DRAIN ? "drained" : "left", "id",
	    LOG_ID(handler_id(h)), "role", handler_role(h), "peer", h->peer,
	    "identity", h->identity, NULL);
	if (event == EVENT_DRAIN && !h->welcomed)
		return handler_refuse(
		    h, REFUSAL_RELAY, 503, "The relay is stopping");
	return event == EVENT_DRAIN ? CLOSING : ENDED;
}

/* ---- REGISTERING ---- */

/* Where it cannot, it counts as an arrival for longer. */
static void
tell_registered(struct handler *h)
{
	ssize_t n = write(h->tell, &h->pid, sizeof(h->pid));

	(void)n;
	h->is_told = 1;
	if (h->is_last)
		fd_close(&h->tell);
}

/* A check's poll: it is told what it would get, and ends. */
static enum state
tell_check(struct handler *h, const struct message_welcome *m)
{
	char out[REPLY_MAX];

	log_event(LOG_INFO, "checked", "peer", h->peer, "identity", h->identity,
	    NULL);
	if (channel_write_all(&h->tls.channel, out,
		reply_check(out, m->customer, time(NULL)),
		deadline_in(HANDLER_SEND_MS)) == -1)
		return ENDED;
	h->in_order = 1;
	return CLOSING;
}

/* The agent gets its entitlement at once; a stone only waits. */
static enum state
welcome(struct handler *h, const struct message_welcome *m)
{
	char out[REPLY_MAX];

	if (h->tell != -1 && !h->is_told)
		tell_registered(h);
	if (m->log_level != LOG_LEVEL_OWN)
		log_set_level((int)m->log_level);
	if (h->registration.checks)
		return tell_check(h, m);
	if (h->welcomed) {
		report_link(h); /* another broker knows nothing of it */
		h->park_at = park_due(h);
	}
	if (h->role == ROLE_STONE || h->welcomed)
		return WAITING;
	h->welcomed = 1;
	h->match_by = DEADLINE_NONE;
	h->keepalive = deadline_in(KEEPALIVE_LATE_MS);
	h->trim_at = deadline_in(TRIM_MS);
	h->parks = h->head.park && park_after(h) != 0;
	h->park_at = park_due(h);
	if (channel_write_all(&h->tls.channel, out,
		reply_poll(out, m->customer, h->parks ? PARKED_INTERVAL : 0),
		deadline_in(HANDLER_SEND_MS)) == -1)
		return ENDED;
	log_event(LOG_INFO, "agent-waits", "id", LOG_ID(handler_id(h)), "peer",
	    h->peer, "identity", h->identity, NULL);
	return WAITING;
}

static enum state
refused_by_broker(struct handler *h, const struct message_refused *m)
{
	h->in_order = 1;
	/* a waiting agent has its answer already: only its poll ends */
	return h->welcomed ? CLOSING
			   : handler_turn_away(h, (int)m->status, m->reason);
}

enum state
run_registering(struct handler *h)
{
	struct wire_packet *packet = &h->packet;

	for (;;) {
		enum event event;

		registration_connect(&h->registration);
		event = wait_once(h, h->match_by);
		if (event == EVENT_NONE)
			continue;
		if (event != EVENT_BROKER)
			return stop_waiting(h, event, REGISTERING);
		if (!registration_receive(&h->registration, packet))
			continue;
		if (packet->message.type == MESSAGE_WELCOME)
			return welcome(h, &packet->message.u.welcome);
		if (packet->message.type == MESSAGE_REFUSED)
			return refused_by_broker(h, &packet->message.u.refused);
		if (broker_orders_obey(h, packet))
			return handler_remove(h);
	}
}

/* ---- WAITING ---- */

static enum state
matched(struct handler *h, const struct wire_packet *packet)
{
	if (hop_open(&h->hop, packet->fds[WIRE_SOCKET],
		packet->fds[WIRE_MEMORY], h->role) == 0)
		return MATCHED;
	log_event(LOG_ERR, "no-hop", "error", strerror(errno), NULL);
	return h->welcomed ? CLOSING
			   : handler_refuse(h, REFUSAL_RELAY, 503,
				 "The relay is out of resources");
}

enum state
run_waiting(struct handler *h)
{
	struct wire_packet *packet = &h->packet;

	for (;;) {
		enum event event = wait_once(h, h->match_by);

		if (event != EVENT_NONE && event != EVENT_BROKER)
			return stop_waiting(h, event, WAITING);
		if (event == EVENT_BROKER &&
		    registration_receive(&h->registration, packet)) {
			if (packet->message.type == MESSAGE_MATCHED)
				return matched(h, packet);
			if (packet->message.type == MESSAGE_PARK_OK)
				return PARKING;
			if (packet->message.type == MESSAGE_REFUSED)
				return refused_by_broker(
				    h, &packet->message.u.refused);
			if (broker_orders_obey(h, packet))
				return handler_remove(h);
		}
		/* what was told it may have failed, before poll(2) knew */
		if (h->registration.fd == -1)
			return REGISTERING;
	}
}
