/* How many polls should wait: see pool_size.h. */
#include "agent/pool_size.h"

void
pool_size_init(struct pool_size *d, unsigned least, unsigned most, int64_t now)
{
	*d = (struct pool_size){.least = least, .most = most, .cooled = now};
}

void
pool_size_arrival(struct pool_size *d)
{
	if (d->heat < d->most)
		d->heat++;
}

unsigned
pool_size_polls(struct pool_size *d, int64_t now)
{
	if (d->heat == 0)
		d->cooled = now;
	while (d->heat > 0 && now - d->cooled >= POOL_SIZE_COOL_MS) {
		d->heat /= 2;
		d->cooled += POOL_SIZE_COOL_MS;
	}
	if (d->heat > d->most - d->least)
		return d->most;
	return d->least + d->heat;
}

int
pool_size_is_busy(const struct pool_size *d)
{
	return d->heat > 1;
}
