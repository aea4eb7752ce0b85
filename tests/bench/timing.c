/* Durations of many tries: see timing.h. */
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double
timing_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

double
timing_now(void)
{
	return timing_of(CLOCK_MONOTONIC);
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
timing_print(double *took, size_t n)
{
	if (n == 0) {
		puts("p50 0 p99 0 max 0");
		return;
	}
	qsort(took, n, sizeof(*took), compare);
	printf("p50 %.4f p99 %.4f max %.4f\n", took[n / 2], took[n * 99 / 100],
	    took[n - 1]);
}
