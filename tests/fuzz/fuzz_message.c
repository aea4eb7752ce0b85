/*
 * The broker's messages (broker/ipc/message.c): what is taken encodes to the
 * same bytes, and to nothing in less room; a packet may hold many rows.
 */
#include "fuzz.h"
#include "ipc/message.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t der[MESSAGE_DER_MAX + MESSAGE_PROOF_MAX];
	static uint8_t out[MESSAGE_MAX];
	struct message m;
	ptrdiff_t len, n;

	while (size > 0 && (len = message_decode(&m, data, size)) != -1) {
		MUST(len > 0 && (size_t)len <= size);
		n = message_encode(&m, out, sizeof(out));
		MUST(n == len && memcmp(out, data, (size_t)len) == 0);
		MUST(message_encode(&m, out, (size_t)len - 1) == -1);
		data += len;
		size -= (size_t)len;
		m.type = (enum message_type)(size % 64);
		m.der = der;
		message_encode(&m, out, sizeof(out));
	}
	return 0;
}
