/*
 * Numbers as people read them.
 */
#ifndef CTL_UNITS_H
#define CTL_UNITS_H

#include <stdint.h>

#define CTL_UNIT_SIZE 24

/* "59s", "3m12s", "5h07m", "12d04h" */
const char *ctl_age(char text[static CTL_UNIT_SIZE], uint64_t seconds);

/* "512B", "1.5K", "20M", "3.1G": powers of 1024 */
const char *ctl_bytes(char text[static CTL_UNIT_SIZE], uint64_t bytes);

/* Bytes in so many seconds, as "1.5K/s". */
const char *ctl_rate(
    char text[static CTL_UNIT_SIZE], uint64_t bytes, double seconds);

/* A round trip of so many microseconds, as "12.3ms"; "-" for 0. */
const char *ctl_rtt(char text[static CTL_UNIT_SIZE], uint32_t rtt);

/* Each, in memory that lives until the enclosing block ends. */
#define CTL_AGE(seconds) ctl_age((char[CTL_UNIT_SIZE]){0}, (seconds))
#define CTL_RTT(rtt)     ctl_rtt((char[CTL_UNIT_SIZE]){0}, (rtt))
#define CTL_BYTES(bytes) ctl_bytes((char[CTL_UNIT_SIZE]){0}, (bytes))
#define CTL_RATE(bytes, seconds)                                               \
	ctl_rate((char[CTL_UNIT_SIZE]){0}, (bytes), (seconds))

#endif
