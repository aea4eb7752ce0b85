/*
 * Messages on a Unix socket, with at most one fd beside each: the only file
 * that touches SCM_RIGHTS.
 */
#ifndef WIRE_H
#define WIRE_H

#include "message.h"

/* A received packet; the message's certificate lies in it. */
struct wire_packet {
	struct message message;
	int fd; /* -1: none came; the receiver closes it */
	size_t len, taken;
	uint8_t bytes[MESSAGE_MAX];
};

/* Rows on their way into one packet; all zero at first. */
struct wire_rows {
	size_t len;
	uint8_t bytes[MESSAGE_MAX];
};

/*
 * Sends m over sock, and fd beside it unless fd is -1 (the caller keeps it).
 * Returns 0, or -1 with errno.
 */
int wire_send(int sock, const struct message *m, int fd);

/*
 * Adds a row. Returns 0, or -1 with EMSGSIZE where it is full: to be sent
 * first.
 */
int wire_rows_add(struct wire_rows *rows, const struct message *m);

/*
 * Sends the rows, if there are any, and empties it. Returns 0, or -1 with errno
 * and all rows still in it.
 */
int wire_rows_send(int sock, struct wire_rows *rows);

/*
 * Receives one packet and its first message. Returns 1; 0 at the connection's
 * end; or -1 with errno: EAGAIN where none is there, EPROTO where it is not a
 * valid message or the kernel cut it. Of fds that came with it at most one is
 * kept, and only with a MATCHED, READY or HANDOFF message; any other is
 * closed.
 */
int wire_receive(int sock, struct wire_packet *packet);

/*
 * The next message of the same packet. Returns 1; 0 where there is none; -1
 * with EPROTO.
 */
int wire_next(struct wire_packet *packet);

#endif
