/* The polls at one relay: see relay_polls.h. */
#include "agent/relay_polls.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "config/entitlement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define PROVEN_MS      30000 /* a poll that waited this long forgives failures */

/* The last 32-bit Unix time is "never". */
#define NEVER UINT32_MAX

void
agent_relay_init(struct agent_relay *r, const struct netaddr *place,
    const struct agent_conf *conf)
{
	memset(r, 0, sizeof(*r));
	r->place = *place;
	backoff_init(&r->backoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
	snprintf(r->text, sizeof(r->text),
	    strchr(place->host, ':') != NULL ? "[%s]:%s" : "%s:%s", place->host,
	    place->port);
	pool_size_init(&r->size, conf->polls, conf->polls_max, deadline_now());
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		r->slots[i].news = -1;
}

/* ---- how many ---- */

unsigned
agent_relay_polls(const struct agent_relay *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		n += r->slots[i].news != -1;
	return n;
}

unsigned
agent_relay_processes(const struct agent_relay *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		n += r->slots[i].pid != 0;
	return n;
}

static int
wants_more(struct agent_relay *r)
{
	return agent_relay_polls(r) < pool_size_polls(&r->size, deadline_now());
}

struct slot *
agent_relay_vacancy(struct agent_relay *r)
{
	if (deadline_left(r->due) > 0 || !wants_more(r))
		return NULL;
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		if (r->slots[i].news == -1)
			return &r->slots[i];
	return NULL;
}

int64_t
agent_relay_due(struct agent_relay *r)
{
	return wants_more(r) ? r->due : DEADLINE_NONE;
}

unsigned
agent_relay_waiting(const struct agent_relay *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		n += r->slots[i].news != -1 && r->slots[i].since != 0;
	return n;
}

/* ---- ending polls ---- */

static void
end_poll(const struct agent_relay *r, struct slot *slot, struct ending *ending)
{
	ending_add(ending, slot->news, slot->pid, r->text);
	slot->news = -1;
	slot->pid = 0;
	slot->since = 0;
}

static struct slot *
longest_waiting(struct agent_relay *r)
{
	struct slot *longest = NULL;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++) {
		struct slot *slot = &r->slots[i];

		if (slot->news != -1 && slot->since != 0 &&
		    (longest == NULL || slot->since < longest->since))
			longest = slot;
	}
	return longest;
}

void
agent_relay_trim(struct agent_relay *r, struct ending *ending)
{
	unsigned have = agent_relay_polls(r);
	unsigned want = pool_size_polls(&r->size, deadline_now());
	struct slot *slot;

	if (have <= want)
		return;
	for (unsigned i = (have - want + 1) / 2; i > 0; i--)
		if ((slot = longest_waiting(r)) != NULL)
			end_poll(r, slot, ending);
}

void
agent_relay_reaped(struct agent_relay *r, pid_t pid)
{
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		if (r->slots[i].pid == pid)
			r->slots[i].pid = 0;
}

void
agent_relay_restart(struct agent_relay *r, struct ending *ending)
{
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		if (r->slots[i].news != -1)
			end_poll(r, &r->slots[i], ending);
	r->due = 0;
	backoff_reset(&r->backoff);
}

void
agent_relay_forget(struct agent_relay *r)
{
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		fd_close(&r->slots[i].news);
}

/* ---- failures ---- */

static int64_t
back_off(struct agent_relay *r)
{
	int64_t delay = backoff_next(&r->backoff);

	r->due = deadline_in(delay);
	return delay;
}

void
agent_relay_postpone(struct agent_relay *r)
{
	back_off(r);
}

/* Polls that fail together are one failure of the relay, and one line. */
static void
on_failed(struct agent_relay *r, struct slot *slot, const char *why, int quiet)
{
	int proven = slot->since != 0 &&
		     deadline_now() - slot->since >= PROVEN_MS;
	int64_t delay;

	fd_close(&slot->news);
	slot->since = 0;
	if (deadline_left(r->due) > 0)
		return;
	if (*r->error == '\0')
		r->since = time(NULL);
	snprintf(r->error, sizeof(r->error), "%s", why);
	memcpy(r->last_error, r->error, sizeof(r->last_error));
	r->last_error_at = time(NULL);
	if (proven)
		backoff_reset(&r->backoff);
	delay = back_off(r);
	if (!quiet)
		log_event(LOG_WARNING, "not-connected", "relay", r->text,
		    "reason", why, "retry_ms", LOG_U64(delay), NULL);
}

/* ---- news ---- */

static void
on_waits(struct agent_relay *r, struct slot *slot, const char *text)
{
	struct customer customer;
	char until[WHEN_TEXT_SIZE];
	int known = customer_read(&customer, text) == 0;

	slot->since = deadline_now();
	if (*r->error != '\0' || r->since == 0)
		r->since = time(NULL);
	r->error[0] = '\0';
	/* the poll has checked the digest, and told what is not known */
	if (known)
		timestamp_format(customer.expire, until);
	log_event(LOG_INFO, "waiting", "relay", r->place.host, "port",
	    r->place.port, "nusers", known ? LOG_U64(customer.nusers) : NULL,
	    "type", known ? customer_type_word(customer.type) : NULL, "until",
	    known ? until : NULL, NULL);
	if (known)
		r->customer_end = (int64_t)customer.expire;
	if (known)
		r->customer.at = customer.expire == NEVER
				     ? 0
				     : (int64_t)customer.expire;
}

void
agent_relay_arrival(struct agent_relay *r)
{
	log_event(LOG_INFO, "taken", NULL);
	backoff_reset(&r->backoff);
	r->arrivals++;
	pool_size_arrival(&r->size);
}

static pid_t
on_taken(struct agent_relay *r, struct slot *slot)
{
	const pid_t pid = slot->pid;

	fd_close(&slot->news);
	slot->pid = 0;
	slot->since = 0;
	agent_relay_arrival(r);
	return pid;
}

pid_t
agent_relay_news(struct agent_relay *r, struct slot *slot, int quiet)
{
	char packet[1 + POLL_TEXT_MAX];
	ssize_t n = recv(slot->news, packet, sizeof(packet) - 1, 0);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		on_failed(r, slot, "the poll's process ended", quiet);
		return 0;
	}
	packet[n] = '\0';
	switch (packet[0]) {
	case POLL_WAITS:
		on_waits(r, slot, packet + 1);
		break;
	case POLL_TAKEN:
		return on_taken(r, slot);
	default:
		on_failed(r, slot, packet + 1, quiet);
	}
	return 0;
}

void
agent_relay_status(struct agent_relay *r)
{
	log_event(LOG_NOTICE, "status", "relay", r->text, "waiting",
	    LOG_U64(agent_relay_waiting(r)), "wanted",
	    LOG_U64(pool_size_polls(&r->size, deadline_now())), "arrivals",
	    LOG_U64(r->arrivals), "error", r->error, NULL);
}
