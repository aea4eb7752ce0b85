/* The header of the PROXY protocol: see proxy_header.h. */
#include "connection/proxy_header.h"

#include <string.h>

/* Where it stands in the header. */
#define COMMAND_AT 12 /* behind the signature; with the version */
#define FAMILY_AT  13 /* with the transport */
#define LENGTH_AT  14 /* of what follows, in network order */
#define SOURCE_AT  PROXY_HEADER_START

#define LOCAL  0x20 /* version 2 */
#define PROXY  0x21
#define TCP_V4 0x11
#define TCP_V6 0x21

#define V4_BYTES 12 /* two addresses and two ports */
#define V6_BYTES 36

static const unsigned char signature[COMMAND_AT] = "\r\n\r\n\0\r\nQUIT\n";

static int
take_v4(struct sockaddr_in6 *source, const unsigned char *at, size_t len)
{
	if (len < V4_BYTES)
		return -1;
	source->sin6_addr.s6_addr[10] = source->sin6_addr.s6_addr[11] = 0xff;
	memcpy(source->sin6_addr.s6_addr + 12, at, 4);
	memcpy(&source->sin6_port, at + 8, 2); /* behind the destination */
	return 0;
}

static int
take_v6(struct sockaddr_in6 *source, const unsigned char *at, size_t len)
{
	if (len < V6_BYTES)
		return -1;
	memcpy(&source->sin6_addr, at, 16);
	memcpy(&source->sin6_port, at + 32, 2);
	return 0;
}

/* Of a PROXY command whose bytes are all there. Returns 0 or -1. */
static int
take_source(struct proxy_header *header, const unsigned char *bytes)
{
	const size_t len = header->length - SOURCE_AT;

	switch (bytes[FAMILY_AT]) {
	case TCP_V4:
		return take_v4(&header->source, bytes + SOURCE_AT, len);
	case TCP_V6:
		return take_v6(&header->source, bytes + SOURCE_AT, len);
	default:
		return -1;
	}
}

enum proxy_header_result
proxy_header_parse(struct proxy_header *header, const void *buf, size_t len)
{
	const unsigned char *bytes = buf;

	memset(header, 0, sizeof(*header));
	header->source.sin6_family = AF_INET6;
	header->length = PROXY_HEADER_START;
	if (memcmp(bytes, signature, len < COMMAND_AT ? len : COMMAND_AT) != 0)
		return PROXY_HEADER_NONE;
	if (len < PROXY_HEADER_START)
		return PROXY_HEADER_MORE;
	header->is_local = bytes[COMMAND_AT] == LOCAL;
	header->length += (size_t)bytes[LENGTH_AT] << 8 | bytes[LENGTH_AT + 1];
	if ((!header->is_local && bytes[COMMAND_AT] != PROXY) ||
	    header->length > PROXY_HEADER_MAX)
		return PROXY_HEADER_BAD;
	if (len < header->length)
		return PROXY_HEADER_MORE;
	if (!header->is_local && take_source(header, bytes) == -1)
		return PROXY_HEADER_BAD;
	return PROXY_HEADER_DONE;
}
