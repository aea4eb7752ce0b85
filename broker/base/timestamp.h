/*
 * Points in time as people write them in a configuration.
 */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stdint.h>

/* 9999-12-31T23:59:59Z: the last that RFC 3339 can write. */
#define WHEN_MAX INT64_C(253402300799)

#define WHEN_TEXT_SIZE 24 /* "9999-12-31T23:59:59Z" and its NUL */

/*
 * Reads text: an RFC 3339 date-time (2027-01-31T12:00:00Z, or with +09:00), a
 * date (its last second, in UTC), a Unix time in seconds, or "never". Sets
 * *when to the Unix time; never is UINT32_MAX. Returns 0, or -1 with EINVAL.
 */
int timestamp_parse(uint64_t *when, const char *text);

/* Writes a Unix time as RFC 3339 in UTC, or "never". */
void timestamp_format(uint64_t when, char text[static WHEN_TEXT_SIZE]);

#endif
