/*
 * What relays say to each other (handlers/peer/offer.c): what is taken lies
 * within its bounds, is what the broker takes, and encodes to the same bytes.
 */
#include "fuzz.h"
#include "peer/offer.h"

#include <string.h>

static void
check_offer(const uint8_t *data, size_t size)
{
	static uint8_t out[OFFER_MAX], first[OFFER_MAX];
	struct offer o;
	size_t len;

	if (offer_decode(&o, data, size) == -1)
		return;
	MUST(size <= OFFER_MAX && o.wait_ms <= OFFER_WAIT_MAX);
	MUST(o.version >= 1 && o.version <= OFFER_VERSION);
	MUST(o.der_len >= 1 && o.der_len + o.chain_len <= MESSAGE_DER_MAX);
	MUST(o.proof_len <= (o.version == 1 ? 0 : MESSAGE_PROOF_MAX));
	MUST(o.der + o.der_len + o.chain_len + o.proof_len == data + size);
	MUST(memchr(o.peer, '\0', sizeof(o.peer)) != NULL);
	MUST(o.key.text[0] != '\0' &&
	     o.key.text[sizeof(o.key.text) - 1] == '\0');
	len = offer_encode(&o, out);
	MUST(len == size);
	/* who knows the first version alone gets the same but the proof */
	o.version = 1;
	MUST(offer_encode(&o, first) <= size);
	/* the wait may have been cut */
	MUST(memcmp(out, data, 16) == 0 &&
	     memcmp(out + 20, data + 20, len - 20) == 0);
}

static void
check_refused(const uint8_t *data, size_t size)
{
	uint8_t out[REFUSED_MAX];
	struct refused r;

	if (refused_decode(&r, data, size) == -1)
		return;
	MUST(strlen(r.reason) < sizeof(r.reason));
	MUST(r.status >= 400 && r.status <= 599);
	MUST(refused_encode(&r, out) == size);
	MUST(memcmp(out, data, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_offer(data, size);
	check_refused(data, size);
	return 0;
}
