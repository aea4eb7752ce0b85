/*
 * A connection to the store, with TLS or without: nothing in it waits.
 */
#ifndef PRESENCE_LINK_H
#define PRESENCE_LINK_H

#include "base/failure.h"
#include "presence/settings.h"

#include <sys/types.h>

struct link {
	int fd;     /* -1: none */
	SSL *ssl;   /* NULL: no TLS */
	short want; /* what poll(2) is to wait for, as the last call left it */
};

/* Begins to connect. Returns 0, or -1 with a reason in f; then it is closed. */
int link_dial(
    struct link *l, const struct settings_place *place, struct failure *f);

/* Of a socket that poll(2) told of: whether it is connected. Likewise. */
int link_connected(struct link *l, struct failure *f);

/*
 * Goes on with the handshake; the store's certificate has to be host's, an
 * address. Returns 1 at its end, 0 where it waits for l->want, or -1 with f.
 */
int link_shake_hands(struct link *l, const struct tls_material *tls,
    const char *host, struct failure *f);

/* Return how many bytes, 0 where it has to wait, or -1 with f. */
ssize_t link_read(struct link *l, char *buf, size_t size, struct failure *f);
ssize_t link_write(
    struct link *l, const char *buf, size_t len, struct failure *f);

void link_close(struct link *l);

#endif
