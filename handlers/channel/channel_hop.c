/* The hop as a channel: see channel_hop.h. */
#include "channel/channel_hop.h"
#include "base/container.h"

#include <poll.h>
#include <string.h>

static struct hop *
hop_of(struct channel *ch)
{
	return CONTAINER_OF(ch, struct channel_hop, channel)->hop;
}

static void *
room(struct channel *ch, size_t *len)
{
	return hop_room(hop_of(ch), len);
}

static void
put(struct channel *ch, size_t len)
{
	ring_put(&hop_of(ch)->out, len);
}

static const void *
data(struct channel *ch, size_t *len)
{
	return hop_data(hop_of(ch), len);
}

static void
take(struct channel *ch, size_t len)
{
	struct hop *hop = hop_of(ch);

	ch->arrived += len;
	ring_take(&hop->in, len);
	hop_bell(hop);
}

static ssize_t
write_out(struct channel *ch, const void *buf, size_t len)
{
	size_t size;
	void *at = room(ch, &size);

	if (at == NULL)
		return -1;
	if (len > size)
		len = size;
	memcpy(at, buf, len);
	put(ch, len);
	return (ssize_t)len;
}

static int
finish(struct channel *ch)
{
	return hop_finish(hop_of(ch));
}

static int
before_wait(struct channel *ch)
{
	return hop_before_wait(hop_of(ch));
}

void
channel_hop(struct channel_hop *ch, struct hop *hop)
{
	static const struct channel_ops ops = {
	    .write = write_out,
	    .finish = finish,
	    .room = room,
	    .put = put,
	    .data = data,
	    .take = take,
	    .before_wait = before_wait,
	};

	*ch = (struct channel_hop){
	    .channel =
		{
		    .ops = &ops,
		    .fd = hop->fd,
		    /* both wait for a bell */
		    .read_wants = POLLIN,
		    .write_wants = POLLIN,
		},
	    .hop = hop,
	};
}
