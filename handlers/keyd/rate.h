/*
 * How many signatures one process may have: a handler needs one in its life,
 * relay-listen one at each reload. Pure: time is a parameter.
 */
#ifndef KEYD_RATE_H
#define KEYD_RATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RATE_MOST      8     /* of one process, in RATE_WINDOW_MS */
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

/* Whether pid may have one more, now; all zero at first. Returns 1 or 0. */
int rate_admits(struct rate *r, pid_t pid, int64_t now);

#endif
