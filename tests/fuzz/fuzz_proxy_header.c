/*
 * The PROXY header (handlers/connection/proxy_header.c): told from no more
 * bytes than it asks for; and what the agent writes to its targets
 * (bin/agent/proxy_protocol.c) means there what it meant here.
 */
#include "agent/proxy_protocol.h"
#include "base/netaddr.h"
#include "connection/proxy_header.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>

/* The same from a piece of memory that ends there. */
static enum proxy_header_result
parse(struct proxy_header *header, const void *data, size_t len)
{
	unsigned char *copy = malloc(len > 0 ? len : 1);
	enum proxy_header_result rc;

	MUST(copy != NULL);
	memcpy(copy, data, len);
	rc = proxy_header_parse(header, copy, len);
	free(copy);
	MUST(header->source.sin6_family == AF_INET6);
	return rc;
}

/* In pieces of that size. Returns what there is when it is told. */
static enum proxy_header_result
parse_pieces(
    struct proxy_header *header, const uint8_t *data, size_t size, size_t piece)
{
	size_t len = 0;
	enum proxy_header_result rc;

	while ((rc = parse(header, data, len)) == PROXY_HEADER_MORE) {
		size_t more = header->length - len;

		MUST(header->length > len);
		MUST(header->length <= PROXY_HEADER_MAX);
		more = more < piece ? more : piece;
		if (more > size - len)
			break;
		len += more;
	}
	if (rc == PROXY_HEADER_DONE)
		MUST(header->length == len);
	return rc;
}

static void
written_and_read(const char *source)
{
	unsigned char out[PROXY_PROTOCOL_MAX];
	size_t len = proxy_protocol_write(out, source, NULL);
	char text[NETADDR_TEXT_MAX], host[NETADDR_TEXT_MAX];
	struct proxy_header header;
	struct in6_addr v6;
	struct in_addr v4;

	MUST(parse(&header, out, len) == PROXY_HEADER_DONE);
	MUST(header.length == len);
	netaddr_text((const struct sockaddr *)&header.source, text);
	netaddr_host(text, host);
	if (inet_pton(AF_INET, source, &v4) == 1)
		MUST(!header.is_local && strcmp(host, source) == 0);
	else if (inet_pton(AF_INET6, source, &v6) == 1)
		MUST(!header.is_local &&
		     memcmp(&v6, &header.source.sin6_addr, sizeof(v6)) == 0);
	else
		MUST(header.is_local);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header whole, pieces;
	enum proxy_header_result rc;
	char *text = fuzz_string(data, size);

	rc = parse_pieces(&whole, data, size, PROXY_HEADER_MAX);
	/* of too few bytes the pieces may tell, which the whole waits for */
	MUST(parse_pieces(&pieces, data, size, 1) == rc ||
	     rc == PROXY_HEADER_MORE);
	if (rc == PROXY_HEADER_DONE)
		MUST(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	written_and_read(text);
	free(text);
	return 0;
}
