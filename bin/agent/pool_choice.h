/*
 * The pool's choice of relays (relay_choice.h): who is polled, and who rests.
 */
#ifndef AGENT_POOL_CHOICE_H
#define AGENT_POOL_CHOICE_H

#include "agent/pool_state.h"

/* The relays were set up: all are polled, or the first. */
void pool_choice_begin(struct pool *pool);

/*
 * Goes to the next relay, or back to an earlier one, where that is due, and
 * logs it. Returns when to call again at the latest (base/deadline.h).
 */
int64_t pool_choice_tend(struct pool *pool);

#endif
