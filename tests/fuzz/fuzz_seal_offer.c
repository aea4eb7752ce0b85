/*
 * An offer to seal, as relayagent finds it in a stone's head
 * (handlers/http/seal_offer.c): what is taken is exact, and comes out the same
 * when it is written again.
 */
#include "fuzz.h"
#include "http/seal_offer.h"

#include <string.h>

static void
write_again(const struct seal_offer *offer)
{
	static struct seal_offer again;
	static char head[HEAD_MAX_BYTES];
	static const char line[] = "GET / HTTP/1.1\r\n";
	size_t len = sizeof(line) - 1;
	struct head h;

	memcpy(head, line, len);
	len += seal_offer_write(
	    head + len, offer->hello, offer->len, offer->marked);
	memcpy(head + len, "\r\n", 2);
	len += 2;
	MUST(head_parse(&h, head, len, HEAD_MAX_BYTES) == HEAD_DONE);
	MUST(seal_offer_read(&again, &h, head) == 0);
	MUST(again.len == offer->len && again.marked == offer->marked);
	MUST(memcmp(again.hello, offer->hello, offer->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seal_offer offer;
	struct head head;

	if (head_parse(&head, (const char *)data, size, HEAD_FORWARD_MAX) !=
	    HEAD_DONE)
		return 0;
	if (seal_offer_read(&offer, &head, (const char *)data) == 0 &&
	    offer.len > 0) {
		MUST(offer.len <= SEAL_HELLO_MAX);
		write_again(&offer);
	}
	return 0;
}
