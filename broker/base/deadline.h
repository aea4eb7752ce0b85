/*
 * Deadlines: points in time that a state must end by, and what is left of
 * them as a timeout for poll(2).
 */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdint.h>

#define DEADLINE_NONE INT64_MAX

/* Milliseconds of CLOCK_BOOTTIME: time goes on while a laptop sleeps. */
int64_t deadline_now(void);

/* The deadline ms milliseconds from now. */
int64_t deadline_in(int64_t ms);

/* What is left: milliseconds, 0 when it has passed, -1 for DEADLINE_NONE. */
int deadline_left(int64_t deadline);

/* The earlier of two. */
int64_t deadline_first(int64_t a, int64_t b);

/*
 * For what is to happen once in ms milliseconds, at most: whether *at, 0 at
 * first, has passed; then it is that much later than now.
 */
int deadline_rings(int64_t *at, int64_t ms);

/* A random delay of 0 to ms - 1 milliseconds, so that crowds spread out. */
int64_t deadline_jitter(int64_t ms);

/* A random number, of all that there are; 0 without entropy. */
uint32_t deadline_random(void);

#endif
