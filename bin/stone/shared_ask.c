/* The request for a session of many connections: see shared_ask.h. */
#include "stone/shared_ask.h"
#include "base/deadline.h"
#include "stone/ask.h"
#include "stone/relay.h"
#include "stone/request.h"

#include <errno.h>
#include <string.h>

#define SEND_MS 10000

ssize_t
stone_shared_ask(struct relay_channel **relay, struct forward *forward,
    const struct proxy *proxy, char authority[static HEAD_SERVICE_MAX],
    char buf[static RESPONSE_MAX_BYTES])
{
	char head[HEAD_MAX_BYTES];
	const size_t len = stone_request_write_shared(
	    head, forward->conf->request, authority);

	switch (stone_ask(relay, forward, proxy, head, len, -1, NULL)) {
	case STONE_PLAIN:
		return (ssize_t)relay_channel_rest(
		    *relay, buf, RESPONSE_MAX_BYTES);
	case STONE_FAILED:
		return -1;
	default: /* it is still to be sent */
		break;
	}
	if (channel_write_all(
		&(*relay)->channel, head, len, deadline_in(SEND_MS)) == -1) {
		stone_relay_unreachable(forward, strerror(errno), NULL);
		return -1;
	}
	return stone_relay_answer(*relay, forward, buf, RESPONSE_MAX_BYTES,
	    deadline_in(STONE_ANSWER_MS));
}
