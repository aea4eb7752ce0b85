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
	uint8_t bytes[MESSAGE_MAX];
};

/*
 * Sends m over sock, and fd beside it unless fd is -1 (the caller keeps it).
 * Returns 0, or -1 with errno.
 */
int wire_send(int sock, const struct message *m, int fd);

/*
 * Receives one message. Returns 1; 0 at the connection's end; or -1 with
 * errno: EAGAIN where none is there, EPROTO where it is not a valid message or
 * the kernel cut it. Of fds that came with it at most one is kept, and only
 * where message_has_fd; any other is closed.
 */
int wire_receive(int sock, struct wire_packet *packet);

#endif
