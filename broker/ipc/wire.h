/*
 * Messages on a Unix socket, and the fds that come with some.
 */
#ifndef IPC_WIRE_H
#define IPC_WIRE_H

#include "ipc/message.h"

/*
 * What comes with a MATCHED message (hop_fds.h). With READY, HANDOFF, ATTACH,
 * PARKED and WAKE it is the socket alone.
 */
enum { WIRE_SOCKET, WIRE_MEMORY, WIRE_FDS };

/* What comes with a RECHECK message (trust_bundle.h). */
enum { WIRE_TRUST };

/* A received packet; the message's certificate lies in it. */
struct wire_packet {
	struct message message;
	int fds[WIRE_FDS]; /* -1: none came; the receiver closes them */
	size_t len, taken;
	uint8_t bytes[MESSAGE_MAX];
};

#define WIRE_ROWS_MAX 16384 /* bytes: what one turn of the loop makes */

/* Rows on their way into one packet; all zero at first. */
struct wire_rows {
	size_t len;
	uint8_t bytes[WIRE_ROWS_MAX];
};

/*
 * Sends m over sock, and beside it the fds that belong to it (message_fds), or
 * NULL where none do; the caller keeps them. Returns 0, or -1 with errno.
 */
int wire_send(int sock, const struct message *m, const int *fds);

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
 * valid message or the kernel cut it. Fds that came in another number than
 * message_fds says are closed.
 */
int wire_receive(int sock, struct wire_packet *packet);

/*
 * Receives as wire_receive does, but waits. Returns 0, or -1 with errno:
 * ETIMEDOUT where nothing came by deadline (base/deadline.h), ECONNRESET at the
 * connection's end.
 */
int wire_receive_by(int sock, struct wire_packet *packet, int64_t deadline);

/* Closes the fds that came, if any did. */
void wire_close_fds(struct wire_packet *packet);

/*
 * The next message of the same packet. Returns 1; 0 where there is none; -1
 * with EPROTO.
 */
int wire_next(struct wire_packet *packet);

#endif
