/*
 * The splice: moves bytes both ways between two channels until both directions
 * have ended cleanly or one channel breaks. The data path of handlers and
 * client programs alike.
 */
#ifndef CHANNEL_SPLICE_H
#define CHANNEL_SPLICE_H

#include "channel/channel.h"

#define SPLICE_BUFFER 65536 /* bytes; four TLS records */

/* One direction. */
struct flow {
	struct channel *from, *to;
	const unsigned char *at; /* what is still to be written: in buf, */
	size_t len;              /* or in from's data */
	int ended;               /* from's clean end has come */
	int finished;            /* and has been passed on */
	int readable, writable;  /* worth a try */
	unsigned char buf[SPLICE_BUFFER];
};

struct splice {
	struct flow ab, ba;
	int stops_at_end;  /* of either direction, and reads nothing behind */
	int64_t review_at; /* when to see what holds it up (tcp.h) */
};

enum splice_result {
	SPLICE_DONE,    /* both directions ended cleanly */
	SPLICE_A_BROKE, /* a read or write of a failed */
	SPLICE_B_BROKE,
	SPLICE_STOPPED, /* by control */
	SPLICE_AT_END,  /* one direction ended cleanly, of one that stops then
			 */
};

/* Something else to be served while the splice runs: the broker. */
struct splice_control {
	int (*fd)(void *arg);      /* polled for input; -1: none now */
	int (*timeout)(void *arg); /* milliseconds; -1: none */
	/* Called at input and at the timeout; 0, or 1 to stop the splice. */
	int (*serve)(void *arg);
	void *arg;
};

/* Joins a and b. Bytes already read from one can be put into its flow's buf. */
void splice_init(struct splice *s, struct channel *a, struct channel *b);

/* Wipes what was in it. */
void splice_wipe(struct splice *s);

/*
 * Runs until an end. Closes nothing. control may be NULL. Where it fails itself
 * (poll(2) without memory), that counts as a's break.
 */
enum splice_result splice_run(
    struct splice *s, const struct splice_control *control);

/* ---- one direction, for who runs it otherwise ---- */

/*
 * Moves what can be moved. Returns the channel that broke, or NULL. Where that
 * is all, readable and writable say what it waits for.
 */
struct channel *flow_move(struct flow *f);

/* What to poll(2) its from and to for, as their read_wants and write_wants. */
int flow_wants_read(const struct flow *f);
int flow_wants_write(const struct flow *f);

/* What can be moved without waiting. */
int flow_can_move(const struct flow *f);

/* The earlier of two timeouts of poll(2); -1: none. */
int splice_earlier(int a, int b);

#endif
