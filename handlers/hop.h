/*
 * The hop: what travels on the socket pair between the two handlers of a
 * session. SOCK_SEQPACKET, so that the end of a direction is a packet of its
 * own and a handler that died (a bare EOF) can't be taken for it. Each packet
 * is one type byte and its payload.
 *
 *	stone's handler  -> HEAD  the request head, once, first
 *	agent's handler  -> TAKEN the agent has the head, once, first
 *	both, after that -> DATA ..., END
 */
#ifndef HOP_H
#define HOP_H

#include <stddef.h>
#include <sys/types.h>

#define HOP_DATA_MAX 32768 /* payload bytes of one packet */

enum hop_type {
	HOP_HEAD = 'h',
	HOP_TAKEN = 't',
	HOP_DATA = 'd',
	HOP_END = 'e'
};

/* Sends one packet of at most HOP_DATA_MAX bytes. Returns 0, or -1 with errno.
 */
int hop_send(int fd, enum hop_type type, const void *buf, size_t len);

/*
 * Receives one packet into buf. Returns its payload's length and sets *type, or
 * -1 with errno: EAGAIN, ECONNRESET at a bare EOF, EPROTO where it is larger
 * than size or of no known type.
 */
ssize_t hop_receive(int fd, enum hop_type *type, void *buf, size_t size);

#endif
