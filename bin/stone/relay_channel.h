/*
 * The relay's end of a session as relay-stone sees it: a TLS channel without
 * the answer to the request, whose head comes before the first byte. An answer
 * that refuses, or is none, breaks the channel.
 */
#ifndef STONE_RELAY_CHANNEL_H
#define STONE_RELAY_CHANNEL_H

#include "channel/channel_tls.h"
#include "http/response.h"

enum relay_channel_state {
	ANSWER_AWAITED,
	ANSWER_GOOD,    /* 2xx, or 101; bytes follow */
	ANSWER_REFUSED, /* any other; response says why */
	ANSWER_NOT_HTTP,
};

struct relay_channel {
	struct channel channel; /* over tls */
	struct channel_tls tls;
	enum relay_channel_state state;
	struct response response;
	size_t at, len; /* what of buf is left for the reader */
	char buf[RESPONSE_MAX_BYTES];
};

/*
 * Makes a->channel, which takes over ssl and its fd. Its read fails with
 * EPROTO where the answer is not good, with ECONNRESET where none came.
 */
void relay_channel_init(struct relay_channel *a, SSL *ssl);

#endif
