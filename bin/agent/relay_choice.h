/*
 * Which relays are polled where the first that works is enough: that one, and
 * those before it, which are tried again and again. Pure; times are of
 * base/deadline.h.
 */
#ifndef AGENT_RELAY_CHOICE_H
#define AGENT_RELAY_CHOICE_H

#include <stddef.h>
#include <stdint.h>

#define RELAY_CHOICE_MAX 8
#define RELAY_CHOICE_PATIENCE_MS                                               \
	5000 /* without a poll that waits, and without an error either */
#define RELAY_CHOICE_SETTLED_MS                                                \
	10000 /* an earlier one has had a poll for so long: back to it */

struct relay_choice {
	size_t n;
	size_t last; /* the relays up to this one are polled */
	struct {
		int waits;     /* a poll does */
		int64_t since; /* that is so since then */
		int lost;
	} of[RELAY_CHOICE_MAX];
};

/* Of n relays the first is polled. */
void relay_choice_init(struct relay_choice *c, size_t n, int64_t now);

/*
 * How it is at the relay with this index, up to last: whether a poll waits, and
 * whether it was tried in vain.
 */
void relay_choice_note(
    struct relay_choice *c, size_t index, int waits, int failed, int64_t now);

/*
 * Moves last after all were noted: one on, where the relay there is lost, or
 * back to the first that is not. Returns whether it has moved.
 */
int relay_choice_move(struct relay_choice *c, int64_t now);

/*
 * When the answers may change by the passing of time; DEADLINE_NONE: they do
 * not.
 */
int64_t relay_choice_due(const struct relay_choice *c, int64_t now);

#endif
