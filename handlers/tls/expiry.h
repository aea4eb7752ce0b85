/*
 * What expires is warned about in the log, from 14 days before and once a day;
 * and what is not valid yet, which may be the clock's fault.
 */
#ifndef TLS_EXPIRY_H
#define TLS_EXPIRY_H

#include <stdint.h>

struct expiry {
	int64_t from;   /* Unix time; 0: always */
	int64_t at;     /* Unix time; 0: unknown */
	int64_t warned; /* Unix time of the last warning; 0: none */
};

/* Warns where that is due at now, a Unix time. what and whose name it. */
void expiry_check(
    struct expiry *e, const char *what, const char *whose, int64_t now);

#endif
