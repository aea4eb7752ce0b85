/*
 * What was signed a moment ago, and for which process: a handshake of which the
 * first part is not among it is not a fresh one. Bounded, in time and in
 * number: where more is signed than it keeps, the oldest is forgotten. Pure:
 * time is a parameter.
 */
#ifndef KEYD_SIGNED_H
#define KEYD_SIGNED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SIGNED_BYTES 32   /* a digest of message and signature */
#define SIGNED_MAX   8192 /* more than max_unregistered is by default */

struct signed_memory {
	struct {
		pid_t pid; /* 0: taken, or none */
		int64_t until;
		uint8_t what[SIGNED_BYTES];
	} kept[SIGNED_MAX];
	size_t next; /* the oldest */
};

/* Notes what was signed for pid; it counts until then (base/deadline.h). */
void signed_note(struct signed_memory *m, pid_t pid, int64_t until,
    const uint8_t what[static SIGNED_BYTES]);

/*
 * Takes it out: each counts once, for the process that it was signed for, and
 * in time. Returns 1, or 0 where it is not there.
 */
int signed_take(struct signed_memory *m, pid_t pid, int64_t now,
    const uint8_t what[static SIGNED_BYTES]);

#endif
