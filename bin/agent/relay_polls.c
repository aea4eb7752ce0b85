/* The polls at one relay: see relay_polls.h. */
#include "agent/relay_polls.h"
#include "agent/relay_parked.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "config/entitlement.h"
#include "ipc/fdpass.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define PROVEN_MS      30000 /* a poll that waited this long forgives failures */
#define CROWD_MS       5000  /* after a long one: many others come back, too */

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
		r->slots[i].news = r->slots[i].parked.fd = -1;
}

/* ---- how many ---- */

static unsigned
is_poll(const struct slot *slot)
{
	return slot->news != -1 || slot->parked.fd != -1;
}

unsigned
agent_relay_polls(const struct agent_relay *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		n += is_poll(&r->slots[i]);
	return n;
}

unsigned
agent_relay_parked(const struct agent_relay *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		n += r->slots[i].parked.fd != -1;
	return n;
}

unsigned
agent_relay_waiting(const struct agent_relay *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		n += is_poll(&r->slots[i]) && r->slots[i].since != 0;
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

/* A poll for it is begun later. */
static unsigned
comes_back(const struct slot *slot)
{
	return !is_poll(slot) && slot->back != 0 &&
	       deadline_left(slot->back) > 0;
}

static int
wants_more(struct agent_relay *r)
{
	unsigned n = agent_relay_polls(r);

	if (r->is_idle)
		return 0;
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		n += comes_back(&r->slots[i]);
	return n < pool_size_polls(&r->size, deadline_now());
}

struct slot *
agent_relay_vacancy(struct agent_relay *r)
{
	if (deadline_left(r->due) > 0 || !wants_more(r))
		return NULL;
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		if (!is_poll(&r->slots[i]) && !comes_back(&r->slots[i]))
			return &r->slots[i];
	return NULL;
}

int64_t
agent_relay_due(struct agent_relay *r)
{
	return deadline_first(
	    agent_relay_parked_due(r), wants_more(r) ? r->due : DEADLINE_NONE);
}

/* ---- ending polls ---- */

static void
end_poll(const struct agent_relay *r, struct slot *slot, struct ending *ending)
{
	parked_close(&slot->parked);
	if (slot->news != -1) {
		ending_add(ending, slot->news, slot->pid, r->text);
		slot->pid = 0;
	}
	slot->news = -1;
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

/* Of those the cheap ones first; while it is busy, they are all too many. */
void
agent_relay_trim(struct agent_relay *r, struct ending *ending)
{
	const unsigned have = agent_relay_polls(r);
	const unsigned want = pool_size_polls(&r->size, deadline_now());
	unsigned over = have > want ? have - want : 0;

	if (pool_size_is_busy(&r->size) && agent_relay_parked(r) > over)
		over = agent_relay_parked(r);
	for (unsigned i = (over + 1) / 2; i > 0; i--) {
		struct slot *slot = agent_relay_longest_parked(r);

		if (slot == NULL)
			slot = longest_waiting(r);
		if (slot != NULL)
			end_poll(r, slot, ending);
	}
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
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++) {
		end_poll(r, &r->slots[i], ending);
		r->slots[i].back = 0;
	}
	r->due = 0;
	backoff_reset(&r->backoff);
}

void
agent_relay_rest(struct agent_relay *r, struct ending *ending)
{
	agent_relay_restart(r, ending);
	r->is_idle = 1;
	r->failed = 0;
	r->since = 0;
	*r->error = '\0';
}

void
agent_relay_wake(struct agent_relay *r)
{
	r->is_idle = 0;
}

void
agent_relay_forget(struct agent_relay *r)
{
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		fd_close(&r->slots[i].news);
	agent_relay_unpark(r);
}

/* ---- failures ---- */

void
agent_relay_postpone(struct agent_relay *r)
{
	r->due = deadline_in(backoff_next(&r->backoff));
}

static int64_t
retry_delay(struct agent_relay *r, int64_t waited)
{
	if (waited >= PROVEN_MS)
		backoff_reset(&r->backoff);
	return waited >= AGENT_POLL_LONG_MS ? deadline_jitter(CROWD_MS)
					    : backoff_next(&r->backoff);
}

void
agent_relay_failed(
    struct agent_relay *r, const char *why, int64_t waited, int quiet)
{
	int64_t delay;

	if (deadline_left(r->due) > 0)
		return;
	if (*r->error == '\0')
		r->since = time(NULL);
	snprintf(r->error, sizeof(r->error), "%s", why);
	memcpy(r->last_error, r->error, sizeof(r->last_error));
	r->last_error_at = time(NULL);
	r->failed = waited < AGENT_POLL_LONG_MS;
	delay = retry_delay(r, waited);
	r->due = deadline_in(delay);
	if (!quiet)
		log_event(LOG_WARNING, "not-connected", "relay", r->text,
		    "reason", why, "retry_ms", LOG_U64(delay), NULL);
}

static void
on_failed(struct agent_relay *r, struct slot *slot, const char *why, int quiet)
{
	const int64_t waited = slot->since == 0 ? 0
						: deadline_now() - slot->since;

	fd_close(&slot->news);
	slot->since = 0;
	agent_relay_failed(r, why, waited, quiet);
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
	r->failed = 0;
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

/* Its process ends now; since when it waits stays as it is. */
static void
on_parked(struct agent_relay *r, struct slot *slot, int *fd, const char *text)
{
	fd_close(&slot->news);
	agent_relay_park(r, slot, *fd, text);
	*fd = -1;
}

pid_t
agent_relay_news(struct agent_relay *r, struct slot *slot, int stopping)
{
	char packet[1 + POLL_TEXT_MAX];
	pid_t session = 0;
	size_t came;
	int fd;
	const ssize_t n = fdpass_receive(
	    slot->news, packet, sizeof(packet) - 1, &fd, 1, &came);

	if (n == -1 && errno == EAGAIN)
		return 0;
	packet[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		on_failed(r, slot, "the poll's process ended", stopping);
	else if (*packet == POLL_WAITS)
		on_waits(r, slot, packet + 1);
	else if (*packet == POLL_TAKEN)
		session = on_taken(r, slot);
	else if (*packet == POLL_PARKED && fd != -1 && !stopping)
		on_parked(r, slot, &fd, packet + 1);
	else
		on_failed(r, slot, packet + 1, stopping);
	fd_close(&fd);
	return session;
}

void
agent_relay_status(struct agent_relay *r)
{
	log_event(LOG_NOTICE, "status", "relay", r->text, "waiting",
	    LOG_U64(agent_relay_waiting(r)), "parked",
	    LOG_U64(agent_relay_parked(r)), "wanted",
	    LOG_U64(pool_size_polls(&r->size, deadline_now())), "arrivals",
	    LOG_U64(r->arrivals), "error", r->error, NULL);
}
