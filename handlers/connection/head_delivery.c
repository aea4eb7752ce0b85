/* How a session begins: see head_delivery.h. */
#include "connection/head_delivery.h"
#include "base/deadline.h"
#include "base/netaddr.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#define AGENT_ACK_MS   2000 /* for the agent to take the head */
#define HANDLER_ACK_MS 2500 /* for its handler to say so: a little longer */
#define HEAD_HOP_MS    1000 /* for the other handler to hand it over */

const char *
head_delivery_word(enum head_delivery rc)
{
	static const char *const words[] = {
	    [MATCHED_TAKEN] = "taken",
	    [MATCHED_OTHER_GONE] = "other-gone",
	    [MATCHED_UNCONFIRMED] = "unconfirmed",
	    [MATCHED_CLIENT_GONE] = "client-gone",
	};

	return words[rc];
}

/* ---- the stone's side ---- */

/* Waits for a packet of the hop while the client is there. */
static enum head_delivery
await_hop(struct hop *hop, int client, enum hop_type wanted, void *buf,
    size_t size, int64_t deadline, ssize_t *len)
{
	enum hop_type type;

	for (;;) {
		struct pollfd pfd[2] = {
		    {.fd = hop->fd, .events = POLLIN},
		    {.fd = client, .events = 0},
		};
		int rc;

		*len = hop_receive(hop, &type, buf, size);
		if (*len >= 0)
			return type == wanted ? MATCHED_TAKEN
					      : MATCHED_OTHER_GONE;
		if (errno != EAGAIN)
			return MATCHED_OTHER_GONE;
		rc = poll(pfd, 2, deadline_left(deadline));
		if (rc == 0)
			return MATCHED_OTHER_GONE;
		if (rc > 0 && pfd[1].revents != 0)
			return MATCHED_CLIENT_GONE;
	}
}

enum head_delivery
head_delivery_stone(struct channel *tls, struct hop *hop,
    const struct head *head, const char *buf, const char *peer)
{
	char out[HEAD_FORWARD_MAX], host[NETADDR_TEXT_MAX];
	ssize_t len;

	netaddr_host(peer, host);
	if (hop_send(hop, HOP_HEAD, out, head_forward(head, buf, host, out)) ==
	    -1)
		return MATCHED_OTHER_GONE;
	return await_hop(hop, tls->fd, HOP_TAKEN, NULL, 0,
	    deadline_in(HANDLER_ACK_MS), &len);
}

/* ---- the agent's side ---- */

/* Reads what the agent says. Returns 0, or -1 where it is gone. */
static int
hear_agent(struct channel *tls, struct flow *up)
{
	ssize_t n;

	if (up->len > 0 || up->ended)
		return 0;
	n = channel_read(tls, up->buf, sizeof(up->buf));
	if (n == -1)
		return errno == EAGAIN ? 0 : -1;
	up->len = (size_t)n;
	up->ended = n == 0;
	return 0;
}

static int
acknowledged(const struct channel *tls, int acks, uint64_t arrived)
{
	int unsent;

	if (tls->arrived > arrived)
		return 1;
	/* a socket that can't tell is not TCP: what is written has arrived */
	return !acks &&
	       (ioctl(tls->fd, SIOCOUTQ, &unsent) == -1 || unsent == 0);
}

/*
 * An acknowledgement of TCP raises no event, so it is asked for, in growing
 * steps; most answers come first and end the wait.
 */
static enum head_delivery
await_agent(struct channel *tls, int acks, struct flow *up)
{
	uint64_t arrived = tls->arrived;
	int64_t deadline = deadline_in(AGENT_ACK_MS);
	int64_t step = 1;

	for (;;) {
		struct pollfd pfd = {.fd = tls->fd};

		if (hear_agent(tls, up) == -1)
			return MATCHED_UNCONFIRMED;
		if (acknowledged(tls, acks, arrived))
			return MATCHED_TAKEN;
		if (up->ended || deadline_left(deadline) == 0)
			return MATCHED_UNCONFIRMED;
		pfd.events = tls->read_wants;
		poll(&pfd, 1,
		    deadline_left(
			acks ? deadline
			     : deadline_first(deadline, deadline_in(step))));
		step = step < 128 ? step * 2 : step;
	}
}

enum head_delivery
head_delivery_agent(
    struct channel_tls *tls, struct hop *hop, int acks, struct flow *up)
{
	char head[HEAD_FORWARD_MAX];
	enum head_delivery rc;
	ssize_t len;

	rc = await_hop(hop, -1, HOP_HEAD, head, sizeof(head),
	    deadline_in(HEAD_HOP_MS), &len);
	if (rc != MATCHED_TAKEN)
		return rc;
	tls->drop_blank = 1;
	if (channel_write_all(&tls->channel, head, (size_t)len,
		deadline_in(AGENT_ACK_MS)) == -1)
		return MATCHED_UNCONFIRMED;
	rc = await_agent(&tls->channel, acks, up);
	/* a stone that left meanwhile is found by the splice */
	if (rc == MATCHED_TAKEN)
		hop_send(hop, HOP_TAKEN, NULL, 0);
	return rc;
}
