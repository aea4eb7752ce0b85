/*
 * The hop: what joins the two handlers of a session. Bytes go through a ring
 * each way in memory that both map (ring.h), so that the kernel copies none of
 * them. Beside it there is a pair of SOCK_SEQPACKET sockets for everything that
 * is an event. A packet is one type byte and its payload:
 *
 *	stone's handler -> HEAD   the request head, once, first
 *	                or OFFER  the same, of a stone that can go bare
 *	agent's handler -> TAKEN  the agent has the head, once, first
 *	                or MARKED the same, and each end may go bare
 *	both, after that -> BELL  "wake up, look at the rings", END
 *
 * The clean end of a direction is a packet of its own, so that a handler that
 * died (a bare EOF) can't be taken for it. In a marked session a direction goes
 * on behind the end of its client's TLS, from socket to socket:
 *
 *	both -> BARE   in END's place: behind this, my client's bytes are bare
 *	     <- SOCKET my client's socket, with its fd: put them there
 *	     -> END    they are all there
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
	HOP_OFFER = 'o',
	HOP_TAKEN = 't',
	HOP_MARKED = 'm',
	HOP_BELL = 'b',
	HOP_BARE = 'B',
	HOP_SOCKET = 'G',
	HOP_END = 'e'
};

struct hop {
	int fd;       /* -1: not open */
	void *memory; /* MAP_FAILED: no longer needed */
	struct ring out, in;
	int marked; /* BARE and SOCKET may come */
	int asked;  /* BARE is sent */
	int bare;   /* BARE has come */
	int socket; /* of the other client, with SOCKET; -1: not yet */
	int heard;  /* packets have come since the last wait */
	int ended;  /* END has come */
	int reset;  /* the kernel has told of one */
	int gone;   /* the other handler is, or what it says makes no sense */
};

/*
 * Opens one side's end: takes over both fds, and closes them where it fails.
 * Returns 0, or -1 with errno.
 */
int hop_open(struct hop *h, int fd, int memory, enum role role);

/* Closes it, if it is open, and the other client's socket. */
void hop_close(struct hop *h);

/* Lets go of the rings, which nothing is in and nothing will be. */
void hop_forget_rings(struct hop *h);

/* Sends a packet of at most HOP_HEAD_MAX bytes. Returns 0, or -1 with errno. */
int hop_send(struct hop *h, enum hop_type type, const void *buf, size_t len);

/*
 * Ends what goes into the ring: with END, or in a marked session with BARE.
 * Returns 0, or -1 with errno.
 */
int hop_finish(struct hop *h);

/* Gives the other handler a copy of fd, with SOCKET. Returns likewise. */
int hop_give(struct hop *h, int fd);

/*
 * Takes all packets that are there, of those that come after the first. Returns
 * 0, or -1 with ECONNRESET: the other handler is gone.
 */
int hop_listen(struct hop *h);

/*
 * Receives one packet into buf. Returns its payload's length and sets *type, or
 * -1 with errno: EAGAIN, ECONNRESET at a bare EOF, EPROTO where it is larger
 * than size. No fd comes with it.
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
