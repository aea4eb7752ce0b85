/* How the agent refuses a stone: see refusal.h. */
#include "agent/refusal.h"
#include "base/deadline.h"
#include "http/reply.h"

#define SEND_MS   10000
#define LINGER_MS 2000 /* for the stone to read it */

void
agent_refuse(struct channel *relay, const struct head *head, int status,
    const char *reason)
{
	char out[REPLY_MAX];
	const size_t len = reply_refusal(out, status, reason, head->takes_body);

	if (channel_write_all(relay, out, len, deadline_in(SEND_MS)) == 0)
		channel_linger(relay, deadline_in(LINGER_MS));
}
