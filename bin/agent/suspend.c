/* Whether the machine was suspended: see suspend.h. */
#define _GNU_SOURCE
#include "agent/suspend.h"
#include "base/deadline.h"

#include <time.h>

static int64_t
ahead(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return deadline_now() -
	       ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

void
suspend_init(struct suspend *w)
{
	w->ahead = ahead();
}

int64_t
suspend_slept(struct suspend *w)
{
	int64_t before = w->ahead;

	w->ahead = ahead();
	return w->ahead - before;
}
