/*
 * What is in ADMIN and ANSWER (frame.h): a packet of the broker's messages
 * (ipc/message.h) as it is, so that relayctl and the relay have to be of one
 * version and byte order. Pure; each is checked before anything is made of it.
 */
#ifndef PEER_ADMIN_FRAMES_H
#define PEER_ADMIN_FRAMES_H

#include "ipc/message.h"

#include <stddef.h>
#include <stdint.h>

/* ADMIN: one MESSAGE_ADMIN. */
#define ADMIN_REQUEST_MAX                                                      \
	(sizeof(struct message_header) + sizeof(struct message_admin))

/*
 * Reads it. Returns 0, or -1 with errno: EPROTO where it is none of this
 * version, EACCES where it may not come from another relay (admin_may_cross).
 */
int admin_request_decode(struct message *m, const uint8_t *buf, size_t len);

/*
 * Whether an ANSWER has what an administrator is told, and nothing else.
 * Returns 1 where more is to come, 0 where it is the end, or -1 with EPROTO.
 */
int admin_answer_check(const uint8_t *buf, size_t len);

#endif
