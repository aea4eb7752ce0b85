/* The messages of a handshake: see transcript.h. */
#include "tls/transcript.h"

#include <openssl/crypto.h>
#include <string.h>

#define ROOM_MIN     8192
#define HEADER_BYTES 4 /* of a message: its type, and a length of 24 bits */

static int
make_room(struct transcript *t, size_t len)
{
	size_t room = t->room == 0 ? ROOM_MIN : t->room;
	uint8_t *more;

	if (len > TRANSCRIPT_MAX - t->len)
		return -1;
	while (room - t->len < len)
		room *= 2;
	if (room == t->room)
		return 0;
	more = OPENSSL_realloc(t->bytes, room);
	if (more == NULL)
		return -1;
	t->bytes = more;
	t->room = room;
	return 0;
}

/* OpenSSL calls this for each record and message of either direction. */
static void
collect(int write_p, int version, int type, const void *buf, size_t len,
    SSL *ssl, void *arg)
{
	struct transcript *t = arg;

	(void)version;
	(void)ssl;
	if (type != SSL3_RT_HANDSHAKE || len < HEADER_BYTES || t->complete ||
	    t->failed)
		return;
	if (make_room(t, len) == -1) {
		t->failed = 1;
		return;
	}
	memcpy(t->bytes + t->len, buf, len);
	t->len += len;
	t->complete = !write_p &&
		      *(const uint8_t *)buf == SSL3_MT_CERTIFICATE_VERIFY;
}

void
transcript_begin(struct transcript *t, SSL *ssl)
{
	SSL_set_msg_callback(ssl, collect);
	SSL_set_msg_callback_arg(ssl, t);
}

void
transcript_free(struct transcript *t)
{
	OPENSSL_free(t->bytes);
	memset(t, 0, sizeof(*t));
}
