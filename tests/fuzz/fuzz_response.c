/*
 * The relay's answer, as relayagent and relay-stone read it
 * (handlers/http/response.c, stone/relay_channel.c): taken in whatever pieces
 * it comes, the bytes behind its head come through whole.
 */
#include "fuzz.h"
#include "stone/relay_channel.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>

static struct fuzz_input wire;
static size_t piece;

static ssize_t
read_wire(struct channel *ch, void *buf, size_t len)
{
	(void)ch;
	return (ssize_t)fuzz_bytes(&wire, buf, len < piece ? len : piece);
}

static const struct channel_ops wire_ops = {.read = read_wire};
static struct channel wire_channel = {.ops = &wire_ops, .fd = -1};

/* A channel wants one; it is not read from. */
static SSL *
no_connection(void)
{
	static SSL *ssl;

	if (ssl == NULL)
		ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
	MUST(ssl != NULL);
	return ssl;
}

/* Reads the answer to its end in pieces, and what follows it. */
static void
read_through(const struct response *r, int rc, const uint8_t *data, size_t size)
{
	static struct relay_channel a;
	static char got[3 * RESPONSE_MAX_BYTES];
	size_t used = 0;
	ssize_t n = 1;

	relay_channel_init(&a, no_connection());
	a.channel.under = &wire_channel;
	a.response = (struct response){0};
	wire = (struct fuzz_input){data, size};
	while (n > 0 && used < sizeof(got)) {
		n = channel_read(&a.channel, got + used, sizeof(got) - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (rc == 1 && (r->status / 100 == 2 || r->status == 101)) {
		MUST(a.state == ANSWER_GOOD && n == 0);
		MUST(used == size - r->length &&
		     memcmp(got, data + r->length, used) == 0);
	} else {
		MUST(n == -1 && used == 0);
		MUST(rc != 0 || errno == ECONNRESET);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct response r, less;
	int rc;

	if (size < 1 || size > 2 * RESPONSE_MAX_BYTES)
		return 0;
	/* a byte at a time where that does not take long */
	piece = data[0] == 0 && size < 512 ? 1 : 64 + (size_t)data[0] * 64;
	data++;
	size--;
	rc = response_parse(&r, (const char *)data, size);
	if (rc == 1) {
		MUST(r.length <= size);
		MUST(response_parse(&less, (const char *)data, r.length - 1) !=
		     1);
		MUST(r.status >= 0 && r.status <= 999);
	}
	if (size <= RESPONSE_MAX_BYTES)
		read_through(&r, rc, data, size);
	return 0;
}
