/*
 * A back-off with full jitter: after a failure the next attempt comes at any
 * moment up to a bound, which doubles each time, so that a crowd that failed
 * together does not come back together.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t min, max; /* milliseconds: the first bound and the last */
	int64_t bound;    /* of the next delay */
};

void backoff_init(struct backoff *b, int64_t min, int64_t max);

/* After a failure: returns how long to wait, milliseconds. */
int64_t backoff_next(struct backoff *b);

/* After a success: the next failure is the first again. */
void backoff_reset(struct backoff *b);

#endif
