/*
 * The agent's part in sealing a session: it takes a stone's offer, or not.
 */
#ifndef AGENT_SEAL_H
#define AGENT_SEAL_H

#include "agent/conf.h"
#include "channel/channel_sealed.h"
#include "http/head.h"

/* What the stone has sent, be it on the relay's channel or inside. */
struct agent_request {
	struct head head;
	size_t len; /* of buf, the head and what came behind it */
	char buf[2 * HEAD_FORWARD_MAX];
};

enum agent_seal_result {
	AGENT_PLAIN,   /* the session goes on as it is */
	AGENT_SEALED,  /* on the sealed channel, with what is asked there */
	AGENT_REFUSED, /* the stone was told why */
	AGENT_BROKE,   /* it is to be reset, and the log says why */
};

/*
 * Seals the session on relay where the stone's request offers it and conf lets
 * it. Where it is sealed, s lies over relay and *r is the request that came
 * inside; closing s closes relay.
 */
enum agent_seal_result agent_seal_run(struct channel_sealed *s,
    const struct agent_conf *conf, struct channel *relay,
    struct agent_request *r);

#endif
