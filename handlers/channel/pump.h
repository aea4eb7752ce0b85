/*
 * The pump: moves bytes from one socket to another in the kernel, through a
 * pipe, splice(2). Nothing of them comes into this process.
 *
 * A pipe takes memory that its user has a limited amount of, so there is one
 * only while bytes move. Where the kernel gives none, or a small one
 * (pipe-user-pages-soft in proc_sys_fs(5)), they are copied.
 */
#ifndef CHANNEL_PUMP_H
#define CHANNEL_PUMP_H

#include <stddef.h>
#include <stdint.h>

struct pump {
	int from, to;       /* non-blocking; borrowed */
	int pipe[2];        /* -1: none is open */
	int copies;         /* as there is no good pipe */
	unsigned char *buf; /* PUMP_COPY bytes, to copy by; borrowed */
	size_t held;  /* bytes taken from one and not yet given to the other */
	size_t at;    /* of them in buf */
	int readable; /* worth a try */
	int writable;
	int ended;       /* from's end has come, and all before is written */
	uint64_t moved;  /* bytes read in all */
	int64_t rest_at; /* when to close the pipe (base/deadline.h) */
};

#define PUMP_COPY 65536

enum pump_result {
	PUMP_MOVES,
	PUMP_FROM_BROKE, /* with errno */
	PUMP_TO_BROKE,
};

/* Makes it ready; it waits for from to be readable. pump_close in the end. */
void pump_init(struct pump *p, int from, int to, unsigned char *buf);

/*
 * Moves what can be moved. Where it cannot go on, one of readable and writable
 * is 0: poll(2) from or to and set it, until ended.
 */
enum pump_result pump_move(struct pump *p);

/* Passes from's end on to to. Returns 0, or -1 with errno: to broke. */
int pump_finish(const struct pump *p);

/* Closes the pipe where nothing has moved for a while. Call it at rest_at. */
void pump_rest(struct pump *p);

void pump_close(struct pump *p);

#endif
