/* How many polls should wait: see pool_size.h. */
#include "agent/pool_size.h"

void
demand_init(struct demand *d, unsigned least, unsigned most, int64_t now)
{
	*d = (struct demand){.least = least, .most = most, .cooled = now};
}

void
demand_arrival(struct demand *d)
{
	if (d->heat < d->most)
		d->heat++;
}

unsigned
demand_polls(struct demand *d, int64_t now)
{
	if (d->heat == 0)
		d->cooled = now;
	while (d->heat > 0 && now - d->cooled >= DEMAND_COOL_MS) {
		d->heat /= 2;
		d->cooled += DEMAND_COOL_MS;
	}
	if (d->heat > d->most - d->least)
		return d->most;
	return d->least + d->heat;
}
