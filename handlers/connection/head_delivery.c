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

/* The same packet in a session that may be marked. */
static enum hop_type
with_mark(enum hop_type type)
{
	return type == HOP_HEAD ? HOP_OFFER : HOP_MARKED;
}

/*
 * Waits for a packet of the hop while the client is there. bare: it may come
 * with the mark, and hop->marked says if it has.
 */
static enum head_delivery
await_hop(struct hop *hop, int client, enum hop_type wanted, int bare,
    void *buf, size_t size, int64_t deadline, ssize_t *len)
{
	enum hop_type type;

	for (;;) {
		struct pollfd pfd[2] = {
		    {.fd = hop->fd, .events = POLLIN},
		    {.fd = client, .events = 0},
		};
		int rc;

		*len = hop_receive(hop, &type, buf, size);
		if (*len >= 0) {
			hop->marked = bare && type == with_mark(wanted);
			return type == wanted || hop->marked
				   ? MATCHED_TAKEN
				   : MATCHED_OTHER_GONE;
		}
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
    const struct head *head, const char *buf, const char *peer, int bare)
{
	char out[HEAD_FORWARD_MAX], host[NETADDR_TEXT_MAX];
	ssize_t len;

	netaddr_host(peer, host);
	if (hop_send(hop, bare ? with_mark(HOP_HEAD) : HOP_HEAD, out,
		head_forward(head, buf, host, out)) == -1)
		return MATCHED_OTHER_GONE;
	return await_hop(hop, tls->fd, HOP_TAKEN, bare, NULL, 0,
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

/*
 * The head from the other handler, in which the agent is told of the mark.
 * Returns its length, or 0 where it is not as head_forward writes it.
 */
static size_t
prepare(struct hop *hop, char head[static HEAD_FORWARD_MAX], size_t len,
    int bare, int *offered)
{
	struct head parsed;

	if (head_parse(&parsed, head, len, HEAD_FORWARD_MAX) != HEAD_DONE ||
	    parsed.length != len)
		return 0;
	*offered = parsed.seal;
	hop->marked = hop->marked && bare && parsed.seal;
	if (!hop->marked)
		return len;
	len = head_mark(head, len);
	return len < HEAD_FORWARD_MAX ? len : 0;
}

enum head_delivery
head_delivery_agent(struct channel_tls *tls, struct hop *hop, int acks,
    int bare, struct flow *up, int *offered)
{
	char head[HEAD_FORWARD_MAX];
	enum head_delivery rc;
	ssize_t len;
	size_t n;

	rc = await_hop(hop, -1, HOP_HEAD, 1, head, sizeof(head),
	    deadline_in(HEAD_HOP_MS), &len);
	if (rc != MATCHED_TAKEN)
		return rc;
	n = prepare(hop, head, (size_t)len, bare, offered);
	if (n == 0)
		return MATCHED_OTHER_GONE;
	tls->drop_blank = 1;
	if (channel_write_all(
		&tls->channel, head, n, deadline_in(AGENT_ACK_MS)) == -1)
		return MATCHED_UNCONFIRMED;
	rc = await_agent(&tls->channel, acks, up);
	/* a stone that left meanwhile is found by the splice */
	if (rc == MATCHED_TAKEN)
		hop_send(hop, hop->marked ? with_mark(HOP_TAKEN) : HOP_TAKEN,
		    NULL, 0);
	return rc;
}
