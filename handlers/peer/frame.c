/* Frames between two relays: see frame.h. */
#include "peer/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int
frame_send(struct channel *ch, enum frame_type type, const void *body,
    size_t len, int64_t deadline)
{
	unsigned char out[FRAME_HEADER + FRAME_MAX];
	const uint16_t kind = htons((uint16_t)type);
	const uint32_t length = htonl((uint32_t)len);

	if (len > FRAME_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	memset(out, 0, FRAME_HEADER);
	memcpy(out, &kind, sizeof(kind));
	memcpy(out + 4, &length, sizeof(length));
	if (len > 0)
		memcpy(out + FRAME_HEADER, body, len);
	return channel_write_all(ch, out, FRAME_HEADER + len, deadline);
}

static int
read_all(struct channel *ch, void *buf, size_t len, int64_t deadline)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = channel_read_by(
		    ch, (char *)buf + have, len - have, deadline);

		if (n == 0) {
			errno = ECONNRESET;
			return -1;
		}
		if (n == -1 && errno != EAGAIN)
			return -1;
		have += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int
frame_read(
    struct channel *ch, void *body, size_t size, size_t *len, int64_t deadline)
{
	unsigned char header[FRAME_HEADER];
	uint16_t type, flags;
	uint32_t length;

	if (read_all(ch, header, sizeof(header), deadline) == -1)
		return -1;
	memcpy(&type, header, sizeof(type));
	memcpy(&flags, header + 2, sizeof(flags));
	memcpy(&length, header + 4, sizeof(length));
	*len = ntohl(length);
	type = ntohs(type);
	if (type < FRAME_OPEN || type > FRAME_ANSWER || flags != 0 ||
	    *len > size) {
		errno = EPROTO;
		return -1;
	}
	return read_all(ch, body, *len, deadline) == -1 ? -1 : type;
}
