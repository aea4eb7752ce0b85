/* The parked polls at one relay: see relay_parked.h. */
#include "agent/relay_parked.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/number.h"

#include <stdio.h>

/*
 * A relay that restarts loses all its parked polls at once: they come back one
 * by one. One of each agent, which can be reached then, does so early.
 */
#define BACK_MS    45000
#define SETTLED_MS 10000 /* what ends sooner was not parked, but ended */

static int
is_parked(const struct slot *slot)
{
	return slot->parked.fd != -1;
}

void
agent_relay_park(
    struct agent_relay *r, struct slot *slot, int fd, const char *text)
{
	parked_begin(
	    &slot->parked, fd, number_parse(text, 1, PARKED_INTERVAL_MAX));
	log_event(LOG_INFO, "parked", "relay", r->text, NULL);
}

static void
lose(struct agent_relay *r, struct slot *slot, const char *why)
{
	const int64_t parked = deadline_now() - slot->parked.since;
	char reason[POLL_TEXT_MAX];
	int64_t delay;

	parked_close(&slot->parked);
	slot->since = 0;
	if (parked < SETTLED_MS) {
		snprintf(reason, sizeof(reason), "the relay ended the poll: %s",
		    why);
		agent_relay_failed(r, reason, parked, 0);
		return;
	}
	snprintf(
	    reason, sizeof(reason), "the relay ended a parked poll: %s", why);
	if (agent_relay_polls(r) == 0 && deadline_left(r->due) == 0) {
		agent_relay_failed(r, reason, AGENT_POLL_LONG_MS, 0);
		return;
	}
	delay = deadline_jitter(BACK_MS);
	slot->back = deadline_in(delay);
	log_event(LOG_INFO, "park-lost", "relay", r->text, "reason", reason,
	    "retry_ms", LOG_U64(delay), NULL);
}

int
agent_relay_hear(struct agent_relay *r, struct slot *slot)
{
	const char *why;

	switch (parked_read(&slot->parked, &why)) {
	case PARKED_WOKEN:
		log_event(LOG_INFO, "woken", "relay", r->text, NULL);
		slot->since = 0;
		return parked_release(&slot->parked);
	case PARKED_LOST:
		lose(r, slot, why);
		return -1;
	default:
		return -1;
	}
}

void
agent_relay_tend(struct agent_relay *r)
{
	const char *why;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		if (is_parked(&r->slots[i]) &&
		    parked_tend(&r->slots[i].parked, &why) == PARKED_LOST)
			lose(r, &r->slots[i], why);
}

int64_t
agent_relay_parked_due(const struct agent_relay *r)
{
	int64_t due = DEADLINE_NONE;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++) {
		const struct slot *slot = &r->slots[i];

		due = deadline_first(due, parked_due(&slot->parked));
		if (slot->back != 0 && deadline_left(slot->back) > 0)
			due = deadline_first(due, slot->back);
	}
	return due;
}

struct slot *
agent_relay_longest_parked(struct agent_relay *r)
{
	struct slot *longest = NULL;

	for (size_t i = 0; i < AGENT_POLLS_MAX; i++) {
		struct slot *slot = &r->slots[i];

		if (is_parked(slot) &&
		    (longest == NULL ||
			slot->parked.since < longest->parked.since))
			longest = slot;
	}
	return longest;
}

void
agent_relay_unpark(struct agent_relay *r)
{
	for (size_t i = 0; i < AGENT_POLLS_MAX; i++)
		parked_close(&r->slots[i].parked);
}
