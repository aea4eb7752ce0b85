/*
 * The hop (hop.h) as a channel: bytes are read and written in place.
 */
#ifndef CHANNEL_CHANNEL_HOP_H
#define CHANNEL_CHANNEL_HOP_H

#include "channel/channel.h"
#include "channel/hop.h"

struct channel_hop {
	struct channel channel;
	struct hop *hop;
};

/* Borrows hop, which the caller closes, and not the channel. */
void channel_hop(struct channel_hop *ch, struct hop *hop);

#endif
