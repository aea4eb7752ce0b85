/*
 * A sealed channel: TLS of the two ends of a session (tls/seal.h), the inner
 * one, over the channel to the relay, the outer one. Its records lie in one
 * buffer each way, which is filled and emptied outside of OpenSSL's calls.
 *
 * Where the session is marked, each direction leaves the outer TLS for itself
 * as soon as its sender's inner handshake is complete: behind the outer
 * close_notify the same TCP connection carries the inner records bare.
 *
 *	          unmarked            marked
 *	begin     outer               outer
 *	then      outer               outer close_notify, bare
 *	end       inner close_notify  inner close_notify
 *	          outer close_notify  FIN
 *
 * A clean end is the inner close_notify and, behind it, the end of what carried
 * it. Either alone is an error, so that nobody on the way can cut a direction.
 */
#ifndef CHANNEL_CHANNEL_SEALED_H
#define CHANNEL_CHANNEL_SEALED_H

#include "channel/channel_tls.h"

typedef struct bio_st BIO;

/* What carries the inner records of one direction. */
enum sealed_carrier { SEALED_OUTER, SEALED_BARE };

struct channel_sealed {
	struct channel channel; /* over the outer one */
	SSL *ssl;
	BIO *link; /* our end of the buffers; the other is ssl's */
	int marked;
	int open; /* the handshake is complete */
	enum sealed_carrier in, out;
	int broken; /* the next read fails, the last one had data */
	int closed; /* our close_notify is made; finished: and all behind it */
	int finished;
	size_t accepted;  /* bytes that are sealed, but not all written */
	uint32_t records; /* written with the present key */
};

/*
 * Makes s a channel over outer, which takes over ssl. outer is a TLS channel or
 * lies over one; nothing may have been read ahead of its records. Returns 0, or
 * -1 with errno (no memory); ssl is freed then.
 */
int channel_sealed(struct channel_sealed *s, struct channel *outer, SSL *ssl);

/*
 * The client's first message, which goes to the other end by some other way.
 * Returns its length, or 0 where it does not fit or cannot be made.
 */
size_t channel_sealed_hello(struct channel_sealed *s, void *buf, size_t size);

/*
 * Inner records that somebody else has read off the outer channel, before all
 * others. Returns 0, or -1 with EMSGSIZE.
 */
int channel_sealed_feed(
    struct channel_sealed *s, const void *records, size_t len);

/*
 * Completes the handshake by deadline (base/deadline.h); after that s is like
 * any other channel. Returns 0, or -1 with errno: ETIMEDOUT, EPROTO where
 * OpenSSL's queue says why, 0 at the end of the outer channel, or what failed.
 */
int channel_sealed_handshake(
    struct channel_sealed *s, int marked, int64_t deadline);

/* Frees it without the outer channel, which goes on alone. */
void channel_sealed_drop(struct channel_sealed *s);

/* Whether both directions are bare. */
int channel_sealed_is_bare(const struct channel_sealed *s);

#endif
