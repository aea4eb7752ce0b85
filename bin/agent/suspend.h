/*
 * Whether the machine was suspended: the clock that counts sleep gains on the
 * one that doesn't.
 */
#ifndef AGENT_SUSPEND_H
#define AGENT_SUSPEND_H

#include <stdint.h>

struct suspend {
	int64_t ahead; /* milliseconds that the one clock leads by */
};

void suspend_init(struct suspend *w);

/* Milliseconds that the machine has slept since the last call. */
int64_t suspend_slept(struct suspend *w);

#endif
