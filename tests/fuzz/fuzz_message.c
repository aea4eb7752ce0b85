/*
 * The broker's messages (broker/message.c): what is taken encodes to the same
 * packet, and to nothing in less room.
 */
#include "fuzz.h"
#include "message.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[MESSAGE_MAX];
	struct message m;
	ptrdiff_t n;

	if (message_decode(&m, data, size) == -1)
		return 0;
	n = message_encode(&m, out, sizeof(out));
	MUST(n == (ptrdiff_t)size && memcmp(out, data, size) == 0);
	MUST(message_encode(&m, out, size - 1) == -1);
	m.type = (enum message_type)(size % 64);
	message_encode(&m, out, sizeof(out));
	return 0;
}
