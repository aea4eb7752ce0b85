/*
 * What two relays say to each other about a crossing, over TLS: frames, until
 * the session begins, and behind TAKEN its bytes as they are.
 *
 *	the stone's relay -> OPEN     a stone looks for an agent of yours
 *	the agent's relay -> READY    one is held for it
 *	                  or REFUSED  and why; it hangs up then
 *	the stone's relay -> HEAD     the stone's request head
 *	                  or OFFER    the same, of a stone that can go bare
 *	the agent's relay -> TAKEN    the agent has it
 *	                  or MARKED   the same, and each end may go bare
 *	                  or REFUSED
 *
 * OFFER and MARKED are what the hop's packets of these names are
 * (channel/hop.h): the connection between the relays leaves TLS as one with a
 * client does. Who speaks version 1 alone knows neither, and no proof in OPEN
 * (offer.h).
 *
 * An administrator (bin/ctl/courier.c) may come in place of a relay:
 *
 *	he        -> ADMIN    a request to your broker
 *	the relay -> ANSWER   a part of what it says; the last is its end
 *	          or REFUSED
 *
 * A frame is its type and flags (0), of 16 bits, and the length of what
 * follows, of 32, all in network byte order.
 */
#ifndef PEER_FRAME_H
#define PEER_FRAME_H

#include "channel/channel.h"

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER 8
#define FRAME_MAX    65536 /* what follows, bytes */

/* The protocol by its names in ALPN (RFC 7301), the newest first. */
#define FRAME_ALPN        "\x0fvpn-warp-peer/2\x0fvpn-warp-peer/1"
#define FRAME_ALPN_NEWEST "vpn-warp-peer/2" /* which has all of these */

enum frame_type {
	FRAME_OPEN = 1,
	FRAME_READY,
	FRAME_REFUSED,
	FRAME_HEAD,
	FRAME_TAKEN,
	FRAME_OFFER,
	FRAME_MARKED,
	FRAME_ADMIN,
	FRAME_ANSWER,
};

/*
 * Sends one by deadline (base/deadline.h). Returns 0, or -1 with errno.
 */
int frame_send(struct channel *ch, enum frame_type type, const void *body,
    size_t len, int64_t deadline);

/*
 * Reads one, and no byte behind it, by deadline. Returns its type and sets
 * *len, or -1 with errno: EPROTO where it is none, or longer than size;
 * ECONNRESET at the end of the connection; ETIMEDOUT.
 */
int frame_read(
    struct channel *ch, void *body, size_t size, size_t *len, int64_t deadline);

#endif
