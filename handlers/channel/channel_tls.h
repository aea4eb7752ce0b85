/*
 * A TLS connection as a channel.
 */
#ifndef CHANNEL_CHANNEL_TLS_H
#define CHANNEL_CHANNEL_TLS_H

#include "channel/channel.h"

typedef struct ssl_st SSL;

struct channel_tls {
	struct channel channel;
	SSL *ssl;
	int drop_blank; /* drop CR and LF until another byte comes */
	int broken;     /* the next read fails, the last one had data */
};

/*
 * Takes over ssl and its fd until channel_close or channel_abort. If the
 * process dies before, the peer sees a reset.
 */
void channel_tls(struct channel_tls *tls, SSL *ssl);

#endif
