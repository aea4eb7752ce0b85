/* A back-off with full jitter: see backoff.h. */
#include "base/backoff.h"
#include "base/deadline.h"

void
backoff_init(struct backoff *b, int64_t min, int64_t max)
{
	*b = (struct backoff){.min = min, .max = max, .bound = min};
}

int64_t
backoff_next(struct backoff *b)
{
	int64_t delay = deadline_jitter(b->bound);

	b->bound = 2 * b->bound < b->max ? 2 * b->bound : b->max;
	return delay;
}

void
backoff_reset(struct backoff *b)
{
	b->bound = b->min;
}
