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
	int drop_blank;   /* drop CR and LF until another byte comes */
	int broken;       /* the next read fails, the last one had data */
	int finished;     /* our close_notify is out: nothing follows it */
	uint32_t records; /* written with the present key */
};

/*
 * AES-GCM bears 2^24.5 full records of one key (RFC 8446 5.5), some minutes of
 * a fast connection. OpenSSL goes on for ever.
 */
#define CHANNEL_TLS_KEY_RECORDS (1U << 22)

/*
 * Takes over ssl and its fd until channel_close or channel_abort. If the
 * process dies before, the peer sees a reset.
 */
void channel_tls(struct channel_tls *tls, SSL *ssl);

/* Frees all but the connection, of whose TLS both directions have ended. */
void channel_tls_forget(struct channel_tls *tls);

#endif
