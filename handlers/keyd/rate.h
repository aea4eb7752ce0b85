/*
 * How many signatures one process may have: a handler needs one for each
 * connection that it serves, relay-listen one at each reload. Pure: time is a
 * parameter.
 */
#ifndef KEYD_RATE_H
#define KEYD_RATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RATE_MOST      8     /* in RATE_WINDOW_MS, of who serves one */
#define RATE_WINDOW_MS 10000 /* a process ID is not used again as soon */
#define RATE_REMEMBERS 1024  /* processes; more in that time are forgotten */

struct rate {
	struct {
		pid_t pid; /* 0: nobody */
		unsigned count;
		int64_t since; /* base/deadline.h */
	} seen[RATE_REMEMBERS];
	size_t next; /* the oldest */
};

/*
 * Whether pid, which may have so many in RATE_WINDOW_MS, may have one more,
 * now; r is all zero at first. Returns 1 or 0.
 */
int rate_admits(struct rate *r, pid_t pid, unsigned most, int64_t now);

#endif
