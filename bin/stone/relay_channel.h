/*
 * The relay's end of a session as relay-stone sees it: a TLS channel, or the
 * sealed one over it, without the answer to the request, whose head comes
 * before the first byte. An answer that refuses, or is none, breaks the
 * channel.
 */
#ifndef STONE_RELAY_CHANNEL_H
#define STONE_RELAY_CHANNEL_H

#include "channel/channel_sealed.h"
#include "http/response.h"

enum relay_channel_state {
	ANSWER_AWAITED,
	ANSWER_GOOD,    /* 2xx, or 101; bytes follow */
	ANSWER_REFUSED, /* any other; response says why */
	ANSWER_NOT_HTTP,
};

struct relay_channel {
	struct channel channel; /* over tls, or over sealed */
	struct channel_tls tls;
	struct channel_sealed sealed; /* over tls */
	int can_be_bare;              /* may be marked */
	int is_sealed;
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

/*
 * Makes a->sealed, which takes over ssl, as what can be offered; direct: no
 * proxy is on the way. Returns 0, or -1 with errno.
 */
int relay_channel_offer(struct relay_channel *a, SSL *ssl, int direct);

/* Lays it over that, whose handshake is complete; another answer is awaited. */
void relay_channel_seal(struct relay_channel *a);

/*
 * Reads as much as tells the answer. Returns 0 once the state does, or -1 with
 * errno: EAGAIN, ECONNRESET where none came.
 */
int relay_channel_hear(struct relay_channel *a);

/* Takes what came behind a good answer with it. Returns its length. */
size_t relay_channel_rest(struct relay_channel *a, void *buf, size_t size);

/* For the log: "none", "sealed", or "bare". */
const char *relay_channel_seal_word(const struct relay_channel *a);

#endif
