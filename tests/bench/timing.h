/*
 * Durations of many tries, for the benchmarks' clients.
 */
#ifndef TIMING_H
#define TIMING_H

#include <stddef.h>
#include <time.h>

/* A clock, in milliseconds. */
double timing_of(clockid_t clock);

/* The monotonic clock, in milliseconds. */
double timing_now(void);

/*
 * Sorts the n durations in took and prints what they come to on one line of
 * standard output, all in milliseconds: "p50 P50 p99 P99 max MAX".
 */
void timing_print(double *took, size_t n);

#endif
