/*
 * "comeback COUNT [grown|full] [DOWN_MS]": so many agents lose their broker,
 * which is back after DOWN_MS milliseconds. Prints how many come in each second
 * from then on, "SECOND COUNT" a line. "grown": they had come one by one, so
 * that each saw one more than the last; "full": each saw all.
 */
#include "connection/reconnect.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 120

/* xorshift32: the same numbers in each run */
static uint32_t
next(void)
{
	static uint32_t x = 2463534242U;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

int
main(int argc, char **argv)
{
	static unsigned long came[SECONDS];
	uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	int full = argc > 2 && strcmp(argv[2], "full") == 0;
	int64_t down = argc > 3 ? strtol(argv[3], NULL, 10) : 0;

	for (uint32_t i = 1; i <= count; i++) {
		unsigned tries = 0;
		int64_t at = 0;

		do
			at += reconnect_delay(
			    full ? count : i, tries++, next());
		while (at < down);
		if ((at - down) / 1000 >= SECONDS)
			return 1;
		came[(at - down) / 1000]++;
	}
	for (int i = 0; i < SECONDS; i++)
		if (came[i] > 0)
			printf("%d %lu\n", i, came[i]);
	return 0;
}
