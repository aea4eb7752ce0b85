/*
 * The hop: what joins the two handlers of a session. Bytes go through a ring
 * each way in memory that both map (ring.h), so that the kernel copies none of
 * them. Beside it there is a pair of SOCK_SEQPACKET sockets for everything that
 * is an event. A packet is one type byte and its payload:
 *
 *	stone's handler -> HEAD  the request head, once, first
 *	agent's handler -> TAKEN the agent has the head, once, first
 *	both, after that -> BELL "wake up, look at the rings", END
 *
 * The clean end of a direction is a packet of its own, so that a handler that
 * died (a bare EOF) can't be taken for it.
 */
#ifndef CHANNEL_HOP_H
#define CHANNEL_HOP_H

#include "channel/ring.h"
#include "ipc/message.h"

#include <stddef.h>
#include <sys/types.h>

#define HOP_HEAD_MAX 32768 /* payload bytes of one packet */

enum hop_type {
	HOP_HEAD = 'h',
	HOP_TAKEN = 't',
	HOP_BELL = 'b',
	HOP_END = 'e'
};

struct hop {
	int fd; /* -1: not open */
	void *memory;
	struct ring out, in;
	int heard; /* packets have come since the last wait */
	int ended; /* END has come */
	int reset; /* the kernel has told of one */
	int gone;  /* the other handler is */
};

/*
 * Opens one side's end: takes over both fds, and closes them where it fails.
 * Returns 0, or -1 with errno.
 */
int hop_open(struct hop *h, int fd, int memory, enum role role);

/* Closes it, if it is open. */
void hop_close(struct hop *h);

/* Sends a packet of at most HOP_HEAD_MAX bytes. Returns 0, or -1 with errno. */
int hop_send(struct hop *h, enum hop_type type, const void *buf, size_t len);

/*
 * Receives one packet into buf. Returns its payload's length and sets *type, or
 * -1 with errno: EAGAIN, ECONNRESET at a bare EOF, EPROTO where it is larger
 * than size or of no known type.
 */
ssize_t hop_receive(struct hop *h, enum hop_type *type, void *buf, size_t size);

/*
 * The ring to the other handler, as struct channel has it (channel.h). room
 * returns NULL with EAGAIN where it is full, data where it is empty; the fd
 * becomes readable when that has changed. data sets *len to 0 at the clean end.
 */
void *hop_room(struct hop *h, size_t *len);
const void *hop_data(struct hop *h, size_t *len);

/* Wakes the other handler if it sleeps and has something to do. */
void hop_bell(struct hop *h);

/*
 * To be called before poll(2): rings the bell. Returns 1 where packets have
 * come since the last time: one direction may have taken the bell that was
 * meant for the other, so both are worth a try.
 */
int hop_before_wait(struct hop *h);

#endif
