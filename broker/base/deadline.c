/* Deadlines: see deadline.h. */
#define _GNU_SOURCE
#include "base/deadline.h"

#include <limits.h>
#include <sys/random.h>
#include <time.h>

int64_t
deadline_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
deadline_in(int64_t ms)
{
	return deadline_now() + ms;
}

int
deadline_left(int64_t deadline)
{
	int64_t left;

	if (deadline == DEADLINE_NONE)
		return -1;
	left = deadline - deadline_now();
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

int
deadline_rings(int64_t *at, int64_t ms)
{
	if (deadline_left(*at) > 0)
		return 0;
	*at = deadline_in(ms);
	return 1;
}

int64_t
deadline_first(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

uint32_t
deadline_random(void)
{
	uint32_t random;

	/* without entropy there is no jitter, but still an answer */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return 0;
	return random;
}

int64_t
deadline_jitter(int64_t ms)
{
	return ms <= 0 ? 0 : deadline_random() % ms;
}
