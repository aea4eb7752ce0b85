/* The stone's part in sealing a session: see seal.h. */
#include "stone/seal.h"
#include "base/deadline.h"
#include "http/seal_offer.h"
#include "stone/relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEND_MS 10000

/* ---- the offer ---- */

/* Puts the offer before the empty line of the len bytes in o->head. */
static int
add_offer(struct stone_offer *o, size_t len, const char *fields, size_t nfields)
{
	const size_t at = len - strlen("\r\n");
	struct head head;

	if (len + nfields > sizeof(o->head))
		return -1;
	memcpy(o->head + at, fields, nfields);
	memcpy(o->head + at + nfields, "\r\n", strlen("\r\n"));
	o->len = len + nfields;
	return head_parse(&head, o->head, o->len, HEAD_MAX_BYTES) == HEAD_DONE
		   ? 0
		   : -1;
}

/*
 * Where the session may stay unsealed, the offer stands in the request itself:
 * an agent that knows nothing of it serves that. Else the request is for
 * nobody on the way. A request that has no room for an offer makes none.
 */
static void
make_offer(struct stone_offer *o, struct relay_channel *relay,
    enum seal_mode mode, const char *request, size_t len)
{
	static const char empty[] = "GET / HTTP/1.1\r\n\r\n";
	unsigned char hello[SEAL_HELLO_MAX];
	const size_t n = channel_sealed_hello(
	    &relay->sealed, hello, sizeof(hello));
	char fields[SEAL_OFFER_MAX];
	size_t nfields;

	o->len = len;
	memcpy(o->head, request, len);
	if (n == 0)
		return;
	nfields = seal_offer_write(fields, hello, n, relay->can_be_bare);
	if (mode == SEAL_REQUIRE) {
		memcpy(o->head, empty, sizeof(empty) - 1);
		o->made = add_offer(o, sizeof(empty) - 1, fields, nfields) == 0;
	} else if (add_offer(o, len, fields, nfields) == 0) {
		o->made = 1;
	} else {
		memcpy(o->head, request, len);
		o->len = len;
	}
}

int
stone_seal_send(struct stone_offer *o, struct relay_channel *relay,
    const struct forward *forward, const char *request, size_t len,
    struct failure *f)
{
	if (forward->seal.mode == SEAL_OFF) {
		o->made = 0;
		o->len = len;
		memcpy(o->head, request, len);
	} else
		make_offer(o, relay, forward->seal.mode, request, len);
	if (channel_write_all(
		&relay->channel, o->head, o->len, deadline_in(SEND_MS)) == 0)
		return 0;
	return failure(f, "%s", strerror(errno));
}

/* ---- the answer ---- */

static int
is_one(const char *value)
{
	return strcmp(value, "1") == 0;
}

/* What came behind the answer begins the agent's part of the handshake. */
static int
shake_hands(struct relay_channel *relay, int marked, struct failure *f)
{
	struct channel_sealed *s = &relay->sealed;
	char rest[RESPONSE_MAX_BYTES];
	const size_t len = relay_channel_rest(relay, rest, sizeof(rest));

	if (channel_sealed_feed(s, rest, len) == -1)
		return failure(f, "%s", strerror(errno));
	if (channel_sealed_handshake(
		s, marked, deadline_in(SEAL_HANDSHAKE_MS)) == -1) {
		seal_failure(s->ssl, errno, f);
		return -1;
	}
	return seal_check(s->ssl, f);
}

enum stone_seal_result
stone_seal_judge(const struct stone_offer *o, struct relay_channel *relay,
    struct forward *forward, const char *peer)
{
	const struct response *r = &relay->response;
	char why[sizeof(struct failure) + 16];
	struct failure f;

	if (forward->seal.mode == SEAL_OFF)
		return STONE_PLAIN;
	if (!o->made || !is_one(r->seal)) {
		channel_sealed_drop(&relay->sealed);
		if (forward->seal.mode != SEAL_REQUIRE)
			return STONE_PLAIN;
		stone_relay_unreachable(forward,
		    "the agent does not seal the session (-q seal=require)",
		    peer);
		return STONE_FAILED;
	}
	if (shake_hands(relay, relay->can_be_bare && is_one(r->bare), &f) ==
	    0) {
		relay_channel_seal(relay);
		return STONE_SEALED;
	}
	channel_sealed_drop(&relay->sealed);
	snprintf(why, sizeof(why), "sealing: %s", f.text);
	stone_relay_unreachable(forward, why, peer);
	return STONE_FAILED;
}
