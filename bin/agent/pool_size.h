/*
 * How many polls should wait: the least that are asked for, and under load as
 * many more as sessions have come lately. Pure.
 */
#ifndef AGENT_POOL_SIZE_H
#define AGENT_POOL_SIZE_H

#include <stdint.h>

struct demand {
	unsigned least, most;
	unsigned heat;  /* arrivals, halved every DEMAND_COOL_MS */
	int64_t cooled; /* base/deadline.h; when it was halved last */
};

#define DEMAND_COOL_MS 2000

void demand_init(struct demand *d, unsigned least, unsigned most, int64_t now);

/* A session has come. */
void demand_arrival(struct demand *d);

/* How many polls should wait now. */
unsigned demand_polls(struct demand *d, int64_t now);

#endif
