/* When to look for a broker that has gone: see reconnect.h. */
#include "connection/reconnect.h"

#define HASTY_MS      1000
#define HASTY_DOUBLED 3 /* times, at most */
#define MEAN_DOUBLED  2

static unsigned
at_most(unsigned n, unsigned most)
{
	return n < most ? n : most;
}

int64_t
reconnect_delay(uint32_t present, unsigned tries, uint32_t random)
{
	int64_t hasty = HASTY_MS << at_most(tries, HASTY_DOUBLED);
	int64_t mean = (int64_t)present * COMEBACK_EACH_MS;

	/* from none to all of it */
	if (mean < HASTY_MS)
		return (hasty * random) >> 32;
	/* from half of it to one and a half */
	mean <<= at_most(tries, MEAN_DOUBLED);
	if (mean > COMEBACK_MAX_MS)
		mean = COMEBACK_MAX_MS;
	return mean / 2 + ((mean * random) >> 32);
}
