/*
 * A bound to what a peer can make us work for nothing: OpenSSL 3.0 limits empty
 * records and warnings in a row, but not KeyUpdates (RFC 8446 4.6.3), which it
 * serves within one SSL_read for as long as they come, past every deadline.
 */
#ifndef TLS_KEY_UPDATES_H
#define TLS_KEY_UPDATES_H

#include <openssl/ssl.h>

/*
 * From now on, a peer that updates its keys too often in a row, without a byte
 * of application data between, loses its connection: its socket fd is shut
 * down, so that the next read finds the end without close_notify, an error.
 * Returns 0, or -1 where memory is out.
 */
int key_updates_bound(SSL *ssl, int fd);

#endif
