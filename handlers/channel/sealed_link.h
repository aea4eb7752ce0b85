/*
 * What carries a sealed channel's records: one buffer each way between OpenSSL
 * and the outer channel, or, once a direction is bare, its socket. For
 * channel_sealed.c alone.
 */
#ifndef CHANNEL_SEALED_LINK_H
#define CHANNEL_SEALED_LINK_H

#include "channel/channel_sealed.h"

#include <sys/types.h>

/* Bytes that are sealed at once: four records. */
#define SEALED_GATHER_MAX 65536

/*
 * Makes the buffers: s->link is our end, *inner becomes OpenSSL's. Returns 0,
 * or -1 where there is no memory.
 */
int sealed_link_open(struct channel_sealed *s, BIO **inner);

/*
 * Reads from what carries the records that come. Returns as a channel's read
 * does; 0 is its end.
 */
ssize_t sealed_link_pull(struct channel_sealed *s, void *buf, size_t len);

/* Gets records into the buffer, once. Returns as sealed_link_pull does. */
ssize_t sealed_link_fill(struct channel_sealed *s);

/*
 * Writes all records that are there; then, once the handshake is complete, the
 * direction goes bare: no record is partly written. Returns 0, or -1 with
 * errno.
 */
int sealed_link_flush(struct channel_sealed *s);

/* Ends the outer TLS of our direction. Returns 0, or -1 with errno. */
int sealed_link_finish(struct channel_sealed *s);

#endif
