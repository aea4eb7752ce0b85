/*
 * How many polls should wait: the least that are asked for, and under load as
 * many more as sessions have come lately. Pure.
 */
#ifndef AGENT_POOL_SIZE_H
#define AGENT_POOL_SIZE_H

#include <stdint.h>

struct pool_size {
	unsigned least, most;
	unsigned heat;  /* arrivals, halved every POOL_SIZE_COOL_MS */
	int64_t cooled; /* base/deadline.h; when it was halved last */
};

#define POOL_SIZE_COOL_MS 2000

void pool_size_init(
    struct pool_size *d, unsigned least, unsigned most, int64_t now);

/* A session has come. */
void pool_size_arrival(struct pool_size *d);

/* How many polls should wait now. */
unsigned pool_size_polls(struct pool_size *d, int64_t now);

/*
 * Whether sessions come one upon the other, as pool_size_polls saw it last:
 * then no poll should be one that has to be woken.
 */
int pool_size_is_busy(const struct pool_size *d);

#endif
